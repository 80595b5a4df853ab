"""What can be worked out from figures that are exact, rounded or kept back, by sums alone."""


def may_be(count):
    """What a cell that the ministry is told of can be: [least, most]."""
    return [1, 4] if count == "<5" or int(count) < 5 else [int(count) // 5 * 5, int(count) // 5 * 5 + 4]


def narrow(bounds, sums):
    """Narrows `bounds` ({name: [least, most]}) by sums ([(name of the whole, names of its parts)]) until nothing more follows."""
    changed = True
    while changed:
        changed = False
        for whole, parts in sums:
            low, high = sum(bounds[part][0] for part in parts), sum(bounds[part][1] for part in parts)
            found = {whole: (low, high)}
            for part in parts:
                least, most = bounds[part]
                found[part] = (bounds[whole][0] - high + most, bounds[whole][1] - low + least)
            for name, (least, most) in found.items():
                better = [max(bounds[name][0], least), min(bounds[name][1], most)]
                if better != bounds[name]:
                    bounds[name], changed = better, True
    return bounds
