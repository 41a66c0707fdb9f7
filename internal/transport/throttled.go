package transport

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxThrottle bounds an answer that may be a refusal in the guise of a success.
const maxThrottle = 4 << 10

// Throttled shows an answer 200 of a GraphQL API that only says "too many requests" as the 429 that it means, so that
// the pause and the attempts are those of every 429. The body stays as it came.
type Throttled struct{ Base http.RoundTripper }

// RoundTrip sends req by Base.
func (t Throttled) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.Base.RoundTrip(req)
	if err != nil || res == nil || res.StatusCode != http.StatusOK || res.Body == nil || res.ContentLength > maxThrottle {
		return res, err
	}
	start, err := io.ReadAll(io.LimitReader(res.Body, maxThrottle+1))
	rest := io.Reader(res.Body)
	if err != nil {
		rest = failing{err} // whoever reads the body meets it at its place
	}
	res.Body = peeked{io.MultiReader(bytes.NewReader(start), rest), res.Body}
	if err == nil && len(start) <= maxThrottle && throttle(start) {
		res.StatusCode, res.Status = http.StatusTooManyRequests, "429 "+http.StatusText(http.StatusTooManyRequests)
	}
	return res, nil
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t Throttled) CloseIdleConnections() {
	if c, ok := t.Base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type peeked struct {
	io.Reader
	io.Closer
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// throttle reports whether an answer has nothing but errors, one of which says that there were too many requests. What
// says so in data, or beside data, is an answer like any other.
func throttle(body []byte) bool {
	var answer struct {
		Data   map[string]json.RawMessage
		Errors []struct {
			Message    string
			Extensions json.RawMessage
		}
	}
	if json.Unmarshal(body, &answer) != nil {
		return false
	}
	for _, v := range answer.Data {
		if string(v) != "null" {
			return false
		}
	}
	for _, e := range answer.Errors {
		var extensions struct{ Code string }
		_ = json.Unmarshal(e.Extensions, &extensions) // what has no code has none
		if tooMany(strings.ToUpper(extensions.Code), strings.ToLower(e.Message)) {
			return true
		}
	}
	return false
}

// tooMany tells by its code, else by its words, whether an error is about too many requests. Errors about the query may
// quote any words of it.
func tooMany(code, words string) bool {
	switch code {
	case "RATE_LIMITED", "TOO_MANY_REQUESTS":
		return true
	case "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT":
		return false
	}
	if strings.Contains(words, "cannot query field") || strings.Contains(words, "syntax error") {
		return false
	}
	return strings.Contains(words, "rate limit") || strings.Contains(words, "too many requests")
}
