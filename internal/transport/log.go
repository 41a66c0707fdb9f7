package transport

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// logger writes what happens to one request. It is given the path and never the query, and no error text: a text that
// somebody else wrote may hold anything.
type logger struct{ *slog.Logger }

func newLogger(l *slog.Logger, req *http.Request, call *Call) logger {
	if l == nil {
		return logger{slog.New(slog.DiscardHandler)}
	}
	return logger{l.With(
		slog.String("operation", call.Operation), slog.String("method", methodOf(req)),
		slog.String("host", req.URL.Host), slog.String("path", req.URL.Path))}
}

// attempt logs one attempt; status is 0 when there was no answer.
func (l logger) attempt(ctx context.Context, n, status int, took time.Duration) {
	l.LogAttrs(ctx, slog.LevelDebug, "dbt Cloud request",
		slog.Int("attempt", n), slog.Int("status", status), slog.Duration("duration", took))
}

func (l logger) retry(ctx context.Context, n int, reason string, wait time.Duration) {
	l.LogAttrs(ctx, slog.LevelWarn, "dbt Cloud request is repeated",
		slog.Int("attempt", n), slog.String("reason", reason), slog.Duration("wait", wait))
}

func (l logger) turn(ctx context.Context, wait time.Duration) {
	l.LogAttrs(ctx, slog.LevelDebug, "dbt Cloud request waits for its turn: the limit of this client", slog.Duration("wait", wait))
}

func (l logger) pause(ctx context.Context, wait time.Duration) {
	l.LogAttrs(ctx, slog.LevelWarn, "dbt Cloud asked for a pause: all requests to this API wait", slog.Duration("wait", wait))
}
