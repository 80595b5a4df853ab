/* A connection to a registry: mutual TLS, lines both ways, never stuck: it reads while it writes. */
#ifndef BUURTAAL_TOOL_CLIENT_H
#define BUURTAAL_TOOL_CLIENT_H

#include <time.h>

#include "base.h"
#include "line.h"
#include "tool_answer.h"
#include "tool_profile.h"

enum client_fault {
    CLIENT_FINE,
    CLIENT_SETTINGS,  /* the profile's files cannot be used */
    CLIENT_UNREACHED, /* nobody there; trying again may help */
    CLIENT_LOST,      /* the connection broke; trying again may help */
    CLIENT_LATER,     /* the registry told us to come back */
    CLIENT_REFUSED,   /* the registry does not admit our certificate */
    CLIENT_UNTRUSTED, /* it is not the registry that the profile means */
    CLIENT_PROTOCOL,  /* it speaks something else */
    CLIENT_RESTORED,  /* its log no longer holds what was seen of it before */
};

/* How far a connection came; the steps of its making, in their order. */
enum client_stage {
    CLIENT_AT_FILES,    /* the profile's files */
    CLIENT_AT_NAME,     /* the host's name */
    CLIENT_AT_PORT,     /* somebody answers there */
    CLIENT_AT_TLS,      /* TLS 1.3 with them */
    CLIENT_AT_TRUST,    /* they are the registry of the profile */
    CLIENT_AT_GREETING, /* it admits us */
    CLIENT_AT_VERSION,  /* it speaks our version */
    CLIENT_READY,
};

/* What the registry said at the beginning; "", 0, and days without end where it said nothing. */
struct client_greeting {
    char version[16], server[65], party[65], role[33], time[48], head[65];
    uint64_t log, days, window;
};

struct client;

/* Connects, agrees on TLS 1.3, reads the greeting, chooses the language, and compares the registry's log with what the
 * profile remembers: where it does not fit that is a fault, or, for a profile that is to examine it, told on stderr. Takes at
 * most about a minute. Never NULL: client_fault() says how it went, client_why() why. The caller owns the result. */
struct client *client_open(const struct profile *profile);
/* Ends the connection at once. NULL is allowed. */
void client_close(struct client *client);

/* The first thing that went wrong; after one nothing more is sent or read. */
enum client_fault client_fault(const struct client *client);
/* In words, for people; "" when all is well. */
const char *client_why(const struct client *client);
/* The stage at which it happened; CLIENT_READY for a connection that came about. */
enum client_stage client_stage(const struct client *client);
/* The code of the BYE that ended it; "" when there was none. */
const char *client_bye(const struct client *client);
/* What the registry's certificate was found to be: an X509_V_ code of OpenSSL. */
long client_trust(const struct client *client);
/* Whether the registry's log no longer holds what was seen of it before. */
bool client_restored(const struct client *client);
const struct client_greeting *client_greeting(const struct client *client);
/* The status of sysexits.h for a fault. */
int client_status(enum client_fault fault);
/* Whether connecting again may help. */
bool client_may_retry(enum client_fault fault);

/* What a status other than OK says, for people: answer_words(), and of NO role in which role we speak. The caller
 * frees. */
char *client_words(const struct client *client, const struct answer *status);
/* Of NO role, tells in which role we speak; of all else nothing. For who shows the answer itself. */
void client_tell_role(const struct client *client, const struct answer *status);

/* How many requests may be unanswered. */
unsigned client_window(const struct client *client);

/* How many bytes can be taken to send now. */
size_t client_room(const struct client *client);
/* Takes bytes to send: as many as there is room for, whose number it returns. */
size_t client_write(struct client *client, const char *bytes, size_t len) MUST_CHECK;
/* After what was written, says that no more will come. The answers still do. */
void client_finish(struct client *client);

/* Sends and reads what can be without waiting; if that was nothing, waits up to `milliseconds` (-1: for ever) until
 * something can, or until `input`, a file descriptor or -1, can be read. Returns whether `input` can. */
bool client_step(struct client *client, int input, int milliseconds);

/* The next line that has come, without its LF, into `line`. 1; 0 when none is whole yet, or none will be. A BYE is not
 * a line but a fault. */
int client_take(struct client *client, char line[LINE_MAX_BYTES], size_t *len) MUST_CHECK;
/* Waits for the next line, at most so long. 0, or -1 at a fault, which the end of the registry's side is too. */
int client_wait(struct client *client, char line[LINE_MAX_BYTES], size_t *len, time_t seconds) MUST_CHECK;
/* Whether the registry has ended its side in good order and all its lines were taken. */
bool client_ended(const struct client *client);

/* The connection is given up: `why`, in words, comes from the caller. */
void client_give_up(struct client *client, enum client_fault fault, const char *why);

/* Sends one request (with its LF) while nothing else is under way and reads its answer: `row` is called for each row,
 * the status line is left in `status`, pointing into `line`. 0, or -1 at a fault. */
int client_ask(struct client *client, const char *request, size_t request_len,
               void (*row)(void *own, const struct answer *answer), void *own, char line[LINE_MAX_BYTES],
               struct answer *status) MUST_CHECK;

#endif
