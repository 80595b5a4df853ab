/* Stands for daemon/stream.c: peers that the test speaks for. */
#include <stdlib.h>

#include "clock.h"
#include "fakes.h"

struct stream {
    struct fake_peer *peer;
    struct evbuffer *input, *output;
    stream_callback *callback;
    void *owner;
    bool ready, reading, flushed, finishing, closing, told_end;
    int64_t progress;
};

struct fake_peer fake_peers[PEERS_MOST];

static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void fake_peers_begin(void)
{
    for (size_t i = 0; i < PEERS_MOST; i++) {
        fake_peers[i] = (struct fake_peer){.who = {.days = 211}};
        fake_peers[i].sent = need(evbuffer_new());
        fake_peers[i].heard = need(evbuffer_new());
    }
}

void fake_peers_end(void)
{
    for (size_t i = 0; i < PEERS_MOST; i++) {
        evbuffer_free(fake_peers[i].sent);
        evbuffer_free(fake_peers[i].heard);
    }
}

struct stream *stream_open(struct event_base *base, struct tls *tls, int fd, int handshake_seconds,
                           stream_callback *callback, void *owner)
{
    struct stream *stream = need(calloc(1, sizeof *stream));
    (void)base;
    (void)tls;
    (void)handshake_seconds;
    stream->peer = &fake_peers[fd];
    stream->peer->stream = stream;
    stream->input = need(evbuffer_new());
    stream->output = need(evbuffer_new());
    stream->callback = callback;
    stream->owner = owner;
    stream->reading = true;
    stream->progress = clock_monotonic();
    return stream;
}

struct evbuffer *stream_input(struct stream *stream)
{
    return stream->input;
}

struct evbuffer *stream_output(struct stream *stream)
{
    return stream->output;
}

void stream_flush(struct stream *stream)
{
    stream->flushed = true;
}

size_t stream_unsent(const struct stream *stream)
{
    return evbuffer_get_length(stream->output);
}

void stream_read(struct stream *stream, bool on)
{
    stream->reading = on;
}

const struct stream_peer *stream_peer(const struct stream *stream)
{
    return &stream->peer->who;
}

/* The verdict is what the test has made of it. */
int stream_judge(struct stream *stream, struct tls *tls)
{
    (void)tls;
    (void)stream;
    return 0;
}

int64_t stream_progress(const struct stream *stream)
{
    return stream->progress;
}

void stream_finish(struct stream *stream)
{
    stream->finishing = true;
}

void stream_close(struct stream *stream)
{
    stream->closing = true;
}

const char *stream_reason(const struct stream *stream)
{
    return stream->peer->end == FAKE_CUT ? "reset" : "closed";
}

/* ---- what the loop would do ---- */

static void tell(struct stream *stream, enum stream_event event)
{
    stream->callback(stream, event, stream->owner);
}

static void end(struct stream *stream, int how)
{
    stream->peer->end = how;
    tell(stream, STREAM_CLOSED);
    stream->peer->stream = NULL;
    evbuffer_free(stream->input);
    evbuffer_free(stream->output);
    free(stream);
}

void fake_ready(struct fake_peer *peer)
{
    peer->stream->ready = true;
    tell(peer->stream, STREAM_READY);
}

void fake_cut(struct fake_peer *peer)
{
    if (peer->stream)
        end(peer->stream, FAKE_CUT);
}

void fake_choke(struct fake_peer *peer)
{
    evbuffer_freeze(peer->stream->output, 0);
}

bool fake_reading(const struct fake_peer *peer)
{
    return peer->stream && peer->stream->reading;
}

/* What the session wrote and flushed leaves. */
static bool take_output(struct stream *stream)
{
    if (stream->peer->stuck || !stream->flushed || evbuffer_get_length(stream->output) == 0)
        return false;
    evbuffer_add_buffer(stream->peer->heard, stream->output);
    stream->progress = clock_monotonic();
    if (!stream->finishing)
        tell(stream, STREAM_DRAINED);
    return true;
}

static bool give_input(struct stream *stream)
{
    struct fake_peer *peer = stream->peer;
    size_t len = evbuffer_get_length(peer->sent);
    if (!stream->ready || !stream->reading || len == 0)
        return false;
    if (evbuffer_get_length(stream->output) == 0)
        stream->progress = clock_monotonic();
    evbuffer_remove_buffer(peer->sent, stream->input, peer->bytewise ? 1 : len);
    tell(stream, STREAM_INPUT);
    return true;
}

static bool turn(struct stream *stream)
{
    struct fake_peer *peer = stream->peer;
    if (stream->closing) {
        end(stream, FAKE_ABORTED);
        return true;
    }
    if (stream->finishing) {
        if (take_output(stream))
            return true;
        if (evbuffer_get_length(stream->output) > 0)
            return false;
        end(stream, FAKE_FINISHED);
        return true;
    }
    if (give_input(stream))
        return true;
    if (peer->ended && !stream->told_end && stream->ready && stream->reading && evbuffer_get_length(peer->sent) == 0) {
        stream->told_end = true;
        tell(stream, STREAM_PEER_ENDED);
        return true;
    }
    return take_output(stream);
}

bool fake_streams_turn(void)
{
    bool any = false;
    for (size_t i = 0; i < PEERS_MOST; i++)
        while (fake_peers[i].stream && turn(fake_peers[i].stream))
            any = true;
    return any;
}
