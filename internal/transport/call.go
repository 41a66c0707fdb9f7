package transport

import (
	"context"
	"time"
)

// Call travels in the context of a request: what the caller says about the request, and what it learns afterwards.
// A Call belongs to one request (with its redirects) and is read only after that request returned.
type Call struct {
	Operation  string // "POST /api/v2/accounts/{account}/jobs/{id}/run/", for logs, spans and metrics
	Repeatable bool   // safe to repeat although the method does not say so: a cancel, a GraphQL query
	Stream     bool   // the body goes to the user as it comes: AttemptTimeout limits the wait for the headers, then each single read

	// Results, written before RoundTrip returns.

	Attempts int       // how many attempts were sent, those of redirects included
	Sent     bool      // some attempt may have reached the server and been acted on; an answer of 429 says that it was not
	GaveUp   error     // a retry was due, but its wait would have outlasted the context; what was last received was returned
	Date     time.Time // the server's Date header of the last answer, zero if there was none
	Status   int       // the status of the last answer, 0 if there was none; an attempt after it may have had no answer
}

type callKey struct{}

// WithCall returns a context that carries c to the RoundTripper.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom returns the call that ctx carries, nil if it carries none.
func CallFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}
