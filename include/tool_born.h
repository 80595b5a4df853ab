/* Dates of birth, as administrations write them. Pure. */
#ifndef BUURTAAL_TOOL_BORN_H
#define BUURTAAL_TOOL_BORN_H

#include "base.h"

/* What one date says of the way its column is written. */
struct born_signs {
    bool day_first, month_first; /* its first number, or its second, can only be a day */
    bool either;                 /* each could be the day, and it makes a difference */
    bool year;                   /* there is such a day, but in no year that is read */
    bool serial;                 /* a number of days, as Excel counts them */
    bool short_year;             /* two digits */
};

/* How a column is written. */
struct born_way {
    bool month_first; /* 3/14/2009 */
    int this_year;    /* the last that two digits may mean */
};

/* Reads a date and writes it as the registry does: 2009-03-14; 2009-03 or 2009 when partly unknown. Understood are
 * 14-03-2009, 1/3/2009, 14.3.09, 14 maart 2009, 14-Mar-2009, 2009-03-14, 14032009, 1032009 (which lost its zero),
 * 20090314, each with 00 for a day or month that is not known, 2009-03, 2009, Excel's number of days, and a time of
 * midnight behind any. `signs` may be NULL. 0, or -1 when there is no such date from 1900 to 2199. */
int born_read(struct slice text, struct born_way way, char out[11], struct born_signs *signs) MUST_CHECK;

#endif
