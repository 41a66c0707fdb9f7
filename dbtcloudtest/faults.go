package dbtcloudtest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// dropKind says whether a request gets an answer at all.
type dropKind int

const (
	dropNone    dropKind = iota
	dropRequest          // the request never arrived
	dropAnswer           // the work was done, the answer was lost
)

// BodyKind is the body of an injected error answer.
type BodyKind int

// The bodies that error answers of the service have been seen with.
const (
	EnvelopeBody BodyKind = iota // {"status": {...}, "data": null}
	DetailBody                   // {"detail": "..."}
	HTMLBody                     // a page of a gateway
	NoBody
)

// Kind is what a fault does to a request. Make one with [Status], [TooManyRequests], [HTML200] and so on.
type Kind struct {
	name       string
	worked     bool          // the work is done before the fault shows
	wait       time.Duration // negative: until the request's context ends
	answer     func(worked answer) answer
	window     time.Duration
	retryAfter time.Duration
	trick      trick
}

// String names the kind as [Request.Fault] does.
func (k Kind) String() string { return k.name }

// Status answers code with such a body, without doing the work (see [Fault.AfterWork]).
func Status(code int, body BodyKind) Kind {
	return Kind{name: "status " + strconv.Itoa(code), answer: func(answer) answer { return errorAnswer(code, body) }}
}

// TooManyRequests answers 429 to this and to every request within window. retryAfter is sent in seconds; 0 sends no header, as the service does.
func TooManyRequests(window, retryAfter time.Duration) Kind {
	return Kind{name: "429 window", window: window, retryAfter: retryAfter, answer: func(answer) answer { return throttledAnswer(retryAfter) }}
}

// HTML200 does the work and answers 200 with an HTML page.
func HTML200() Kind {
	return Kind{name: "html 200", worked: true, answer: func(answer) answer { return htmlAnswer(http.StatusOK) }}
}

// LostAnswer does the work and then drops the connection.
func LostAnswer() Kind {
	return Kind{name: "lost answer", worked: true, answer: func(answer) answer { return answer{drop: dropAnswer} }}
}

// LostRequest drops the connection before any work; through [Server.Transport] it is a failed dial.
func LostRequest() Kind {
	return Kind{name: "lost request", answer: func(answer) answer { return answer{drop: dropRequest} }}
}

// Slow does the work and answers after d.
func Slow(d time.Duration) Kind {
	return Kind{name: "slow", worked: true, wait: d, answer: func(worked answer) answer { return worked }}
}

// Truncated does the work, declares the whole answer and sends half of it.
func Truncated() Kind {
	return Kind{name: "truncated", worked: true, answer: func(worked answer) answer { worked.short = true; return worked }}
}

// EmptyBody does the work and answers its status without a body.
func EmptyBody() Kind {
	return Kind{name: "empty body", worked: true, answer: func(worked answer) answer {
		return answer{status: worked.status, header: worked.header}
	}}
}

// DataNull does the work and answers 200 with a success envelope whose data is null.
func DataNull() Kind {
	body := `{"status":{"code":200,"is_success":true,"user_message":"Success!","developer_message":""},"data":null}`
	return Kind{name: "data null", worked: true, answer: func(answer) answer { return jsonAnswer(http.StatusOK, body) }}
}

// Hang does no work and answers nothing until the request's context ends.
func Hang() Kind {
	return Kind{name: "hang", wait: -1, answer: func(answer) answer { return answer{drop: dropAnswer} }}
}

// Fault says which requests fail, and how. Its zero values match every request, always.
type Fault struct {
	Method string // "" is any
	// Route is a path pattern, such as "/api/v2/accounts/{account}/jobs/{id}/run/": {name} and * stand for one segment,
	// {name...} for the rest. It may begin with a method, as [Request.Operation] does. "" is any.
	Route       string
	Match       func(Request) bool // a further condition on the request as it arrives; it must not call the server
	After       int                // let so many matching requests pass first
	Times       int                // apply so often; 0 is without limit
	Probability float64            // apply with this probability, under the server's seed; 0 is always
	AfterWork   bool               // for kinds that do no work: do it first
	Kind        Kind               // the zero value lets the request through, past all faults armed later
}

type armedFault struct {
	Fault
	seen    int
	applied int
}

// effect is a fault that has hit a request.
type effect struct {
	name   string
	worked bool
	wait   time.Duration
	apply  func(worked answer) answer
	trick  trick
}

// Inject arms a fault. Of several that match a request, the one armed first applies.
func (s *Server) Inject(f Fault) {
	s.change(func(w *world, _ time.Time) { w.faults = append(w.faults, &armedFault{Fault: f}) })
}

// ClearFaults disarms every fault and ends a 429 window, and the pause that [WithDiscoveryRate] has begun.
func (s *Server) ClearFaults() {
	s.change(func(w *world, _ time.Time) { w.faults, w.throttled, w.cooling = nil, time.Time{}, time.Time{} })
}

// faultFor decides which fault, if any, this request meets.
func (w *world) faultFor(request Request, now time.Time) *effect {
	if now.Before(w.throttled) {
		retry := w.retry // the answer is made after the lock is gone
		return &effect{name: "429 window", apply: func(answer) answer { return throttledAnswer(retry) }}
	}
	for _, f := range w.faults {
		if !f.matches(request) {
			continue
		}
		f.seen++
		spent := f.Times > 0 && f.applied >= f.Times
		if spent || f.seen <= f.After || f.Probability > 0 && w.rng.Float64() >= f.Probability {
			continue
		}
		f.applied++
		if f.Kind.window > 0 {
			w.throttled, w.retry = now.Add(f.Kind.window), f.Kind.retryAfter
		}
		if f.Kind.answer == nil {
			return nil
		}
		return &effect{f.Kind.name, f.Kind.worked || f.AfterWork, f.Kind.wait, f.Kind.answer, f.Kind.trick}
	}
	return nil
}

func (f *armedFault) matches(request Request) bool {
	method, pattern := f.Method, f.Route
	if before, after, ok := strings.Cut(f.Route, " "); ok {
		method, pattern = before, after
	}
	if method != "" && method != request.Method {
		return false
	}
	if pattern != "" {
		if _, ok := matchPath(pattern, request.Path); !ok {
			return false
		}
	}
	return f.Match == nil || f.Match(request)
}

func errorAnswer(code int, body BodyKind) answer {
	switch body {
	case DetailBody:
		return jsonAnswer(code, `{"detail":"`+serverErrorText+`"}`)
	case HTMLBody:
		return htmlAnswer(code)
	case NoBody:
		return answer{status: code, header: http.Header{}}
	}
	text := strconv.Itoa(code)
	return jsonAnswer(code, `{"status":{"code":`+text+`,"is_success":false,"user_message":"`+http.StatusText(code)+`","developer_message":""},"data":null}`)
}

func jsonAnswer(code int, body string) answer {
	return answer{status: code, header: http.Header{"Content-Type": {jsonType}}, body: []byte(body)}
}

func throttledAnswer(retryAfter time.Duration) answer {
	a := errorAnswer(http.StatusTooManyRequests, EnvelopeBody)
	if retryAfter > 0 {
		a.header.Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	}
	return a
}
