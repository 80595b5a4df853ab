"""What the daemon answers of itself."""
from harness.model import commands
from harness.model.base import Answer, no, wires


class Conversation:
    def read_hello(self, _, given):
        return Answer(version=1, lang=given["lang"])

    def read_ping(self, _, __):
        return Answer()

    def read_whoami(self, speaker, _):
        return Answer(party=speaker.party, role=speaker.role)

    def read_watch(self, _, __):
        return Answer()

    def read_quit(self, _, __):
        return Answer()

    @staticmethod
    def roles(command):
        return ",".join(role for role in commands.ROLES if role in command.roles)

    @staticmethod
    def type_row(name):
        """What is told of a type: its words, or its greatest number or length."""
        told = commands.TYPES[name]
        return {"type": name, "help": told.help,
                **({"words": ",".join(told.words)} if told.words else {"max": told.size.split("-")[-1]})}

    def verb_rows(self, verb):
        command = commands.COMMANDS[verb]
        yield wires(verb=verb, kind=command.kind, roles=self.roles(command), replies=",".join(command.answer) or None,
                    help=command.help)
        for field in command.fields.values():
            yield {**wires(field=field.name, key=True if field.key else None, required=True if field.required else None),
                   **self.type_row(field.type)}
        for name, kind in commands.SHARED.get(command.kind, {"tag": "tag"}).items():
            yield {"field": name, **self.type_row(kind)}

    def read_help(self, speaker, given):
        verb, kind = given.get("verb"), given.get("type")
        faults = (["not-found:verb"] if verb and verb not in commands.COMMANDS else []) + \
            (["not-found:type"] if kind and kind not in commands.TYPES else [])
        if faults:
            return no(*faults)
        if verb or kind:
            return [*(self.verb_rows(verb) if verb else ()), *([self.type_row(kind)] if kind else ())]
        return [wires(verb=verb, kind=command.kind, roles=self.roles(command), help=command.help)
                for verb, command in commands.COMMANDS.items() if speaker.role in command.roles]
