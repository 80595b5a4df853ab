/* The daemon's own log: key=value lines on stderr with a journal priority in front (`<6>`). Holds action, outcome, party,
 * origin and time, never personal data; the object of a write is in the registry's log, by its number. buurtaald(8)
 * lists the events. */
#ifndef BUURTAAL_LOG_H
#define BUURTAAL_LOG_H

#include "base.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Lines less urgent than `level` are left out from now on. INFO at the start. (The one setting of the process that is
 * global: a line may have to be logged where no server is at hand.) */
void log_level(enum log_level level);

/* One line: `<priority>event=EVENT key=value ...`, with `time=` before `event=` where stderr is not the journal, which
 * notes it itself. `format` gives the `key=value` part, "" for none; values from outside are put in with log_quote so
 * that nobody can forge a line. errno is left alone. */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF(3, 4);

/* `text` as a value: bare where it may be, else quoted, with \" \\ \n \t and every other byte outside printable ASCII
 * as \xHH; cut, never inside an escape, where `room` (its NUL counted) ends. Returns `out`. */
const char *log_quote(char *out, size_t room, const char *text);

/* Says why and ends the process with EX_SOFTWARE: for start-up and for our own bugs only, never for what a peer sent. */
void log_fatal(const char *event, const char *format, ...) PRINTF(2, 3) __attribute__((noreturn));
/* The same with EX_CONFIG: a file of the operator's is at fault, and trying again does not help. */
void log_fatal_config(const char *event, const char *format, ...) PRINTF(2, 3) __attribute__((noreturn));

#endif
