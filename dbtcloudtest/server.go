package dbtcloudtest

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxRequestBody = 16 << 20

// Server is a fake dbt Cloud with one account. It is an [http.Handler]; [Server.Transport] serves it without sockets.
// It has no goroutines and no timers of its own: every request and every inspection first makes happen what is due by then.
// All methods are safe for concurrent use.
type Server struct {
	w  *world
	at time.Time // set inside a script: the world is locked and its time is this
}

// New returns an empty account with one project and two environments ([DefaultProjectID] and so on) and no jobs.
func New(opts ...Option) *Server {
	cfg := defaults()
	for _, opt := range opts {
		if opt != nil {
			opt(&cfg)
		}
	}
	w := &world{
		cfg: cfg, rng: rand.New(rand.NewPCG(cfg.seed, cfg.seed^0x9e3779b97f4a7c15)), id: firstID,
		projects: map[int64]*resource{}, environments: map[int64]*resource{}, jobs: map[int64]*job{}, runs: map[int64]*run{}, metadata: map[int64]*metadata{},
		handed: map[string]func(map[string]any) any{},
		routes: routes(),
	}
	w.addProject(DefaultProjectID, "Analytics", worldBegin())
	w.addEnvironment(DefaultEnvironmentID, DefaultProjectID, "CI", worldBegin())
	w.addEnvironment(DefaultDeferringID, DefaultProjectID, "Production", worldBegin())
	return &Server{w: w}
}

// AccountID returns the id of the account.
func (s *Server) AccountID() int64 { return s.w.cfg.account }

// Token returns the token that requests must carry.
func (s *Server) Token() string { return s.w.cfg.token }

// inspect runs f on the world as it is now.
func inspect[T any](s *Server, f func(w *world, now time.Time) T) T {
	if !s.at.IsZero() {
		return f(s.w, s.at)
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return f(s.w, s.w.advance(time.Now()))
}

// change is inspect for what has no result.
func (s *Server) change(f func(w *world, now time.Time)) {
	inspect(s, func(w *world, now time.Time) struct{} { f(w, now); return struct{}{} })
}

// call is one request on its way through a handler.
type call struct {
	method string
	path   string
	params map[string]string
	query  url.Values
	raw    string // the query as sent
	auth   string
	body   []byte
	now    time.Time
	trick  trick // of a fault, for the Discovery API
}

func (c *call) id(name string) int64 {
	id, _ := strconv.ParseInt(c.params[name], 10, 64)
	return id
}

type route struct {
	method  string
	pattern string
	query   []string // the parameters that the operation has
	handle  func(*world, *call) answer
}

func (r route) operation() string { return r.method + " " + r.pattern }

// routes is every operation that the fake serves.
func routes() []route {
	return slices.Concat(accountRoutes(), projectRoutes(), environmentRoutes(), envVarRoutes(), jobRoutes(), runRoutes(), discoveryRoutes())
}

// exchange carries one request from arrival to its answer. The error is that of ctx, when it ends in between.
func (s *Server) exchange(ctx context.Context, c *call) (answer, error) {
	record, effect := s.arrive(c)
	a, err := s.perform(ctx, c, effect)
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if err == nil && a.drop == dropNone {
		record.Status, record.Invalid = a.status, a.tree
	}
	record.Duration = time.Since(record.At)
	return a, err
}

// arrive records the request and decides which fault it meets.
func (s *Server) arrive(c *call) (*Request, *effect) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	now := s.w.advance(time.Now())
	record := &Request{At: now, Method: c.method, Path: c.path, Query: c.raw, Body: c.body}
	if r, _, found := s.w.route(c.method, c.path); found {
		record.Operation = r.operation()
		record.Unknown = unknownParams(c.query, r.query)
	}
	if isDiscovery(c.path) {
		record.Document, record.Variables = documentOf(c.body)
	}
	s.w.requests = append(s.w.requests, record)
	effect := s.w.faultFor(*record, now)
	if effect != nil {
		record.Fault = effect.name
	}
	return record, effect
}

func unknownParams(query url.Values, known []string) []string {
	var out []string
	for name := range query {
		if !slices.Contains(known, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// knownParams leaves out what the operation ignores.
func knownParams(query url.Values, known []string) url.Values {
	query = maps.Clone(query)
	maps.DeleteFunc(query, func(name string, _ []string) bool { return !slices.Contains(known, name) })
	return query
}

// perform does the work and lets the fault have its way.
func (s *Server) perform(ctx context.Context, c *call, effect *effect) (answer, error) {
	if effect == nil {
		return s.work(c), nil
	}
	var worked answer
	if effect.worked {
		c.trick = effect.trick
		worked = s.work(c)
	}
	if err := pause(ctx, effect.wait); err != nil {
		return answer{}, err
	}
	return effect.apply(worked), nil
}

// work dispatches the request to its handler.
func (s *Server) work(c *call) answer {
	return inspect(s, func(w *world, now time.Time) answer {
		c.now = now
		r, params, found := w.route(c.method, c.path)
		if refused, ok := w.refuse(c); ok {
			if isDiscovery(c.path) {
				return w.refuseDiscovery()
			}
			return refused
		}
		if !found {
			return w.noRoute(c)
		}
		c.params = params
		c.query = knownParams(c.query, r.query)
		if account, ok := params["account"]; ok && account != strconv.FormatInt(w.cfg.account, 10) {
			return w.notFound()
		}
		if refused, ok := w.denied(r); ok {
			return refused
		}
		return r.handle(w, c)
	})
}

// refuse is the answer to a request whose token does not open the account.
func (w *world) refuse(c *call) (answer, bool) {
	kind, token, _ := strings.Cut(c.auth, " ")
	if (kind != "Token" && kind != "Bearer") || token != w.cfg.token {
		return w.fail(http.StatusUnauthorized, "Invalid token.", nil), true
	}
	if w.cfg.unpaid {
		return w.fail(http.StatusUnauthorized, "The API is not accessible to unpaid accounts.", nil), true
	}
	return answer{}, false
}

// noRoute tells a known path with another method from an unknown path.
func (w *world) noRoute(c *call) answer {
	for _, r := range w.routes {
		if _, ok := matchPath(r.pattern, c.path); ok {
			return w.fail(http.StatusMethodNotAllowed, "Method \""+c.method+"\" not allowed.", nil)
		}
	}
	return htmlAnswer(http.StatusNotFound)
}

func (w *world) route(method, path string) (route, map[string]string, bool) {
	for _, r := range w.routes {
		if r.method != method {
			continue
		}
		if params, ok := matchPath(r.pattern, path); ok {
			return r, params, true
		}
	}
	return route{}, nil, false
}

// matchPath matches a path against a pattern segment by segment: {name} and * are any one segment, {name...} is the rest.
// A trailing slash does not matter.
func matchPath(pattern, path string) (map[string]string, bool) {
	want := strings.Split(strings.Trim(pattern, "/"), "/")
	got := strings.Split(strings.Trim(path, "/"), "/")
	params := map[string]string{}
	for i, segment := range want {
		name, isParam := strings.CutPrefix(segment, "{")
		name = strings.TrimSuffix(name, "}")
		if rest, ok := strings.CutSuffix(name, "..."); isParam && ok && i < len(got) {
			params[rest] = strings.Join(got[i:], "/")
			return params, true
		}
		if i >= len(got) || !isParam && segment != "*" && segment != got[i] {
			return nil, false
		}
		params[name] = got[i]
	}
	return params, len(got) == len(want)
}

// ServeHTTP answers one request. An answer that is to be lost closes the connection.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequestBody))
	if err != nil {
		http.Error(rw, "cannot read the request body", http.StatusBadRequest)
		return
	}
	a, err := s.exchange(r.Context(), newCall(r, body))
	if err != nil || a.drop != dropNone {
		hangUp(rw)
		return
	}
	a.writeTo(rw)
}

func newCall(r *http.Request, body []byte) *call {
	return &call{method: r.Method, path: r.URL.Path, query: r.URL.Query(), raw: r.URL.RawQuery, auth: r.Header.Get("Authorization"), body: body}
}

func (a answer) writeTo(rw http.ResponseWriter) {
	maps.Copy(rw.Header(), a.header)
	rw.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	body, size := a.reader()
	if size >= 0 && a.status != http.StatusNoContent {
		rw.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	if a.short {
		// The declared length is not kept, so the server closes the connection under the client.
		body = io.LimitReader(body, size/2)
	}
	rw.WriteHeader(a.status)
	// A client that went away is not the fake's concern.
	_, _ = io.Copy(rw, body)
}

// hangUp closes the connection without an answer.
func hangUp(rw http.ResponseWriter) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		panic(http.ErrAbortHandler) // net/http's way to drop an HTTP/2 stream
	}
	if err == nil {
		_ = conn.Close()
	}
}

// pause waits for d, or for ctx when d is negative.
func pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	if d < 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
