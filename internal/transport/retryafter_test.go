package transport

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const (
		noon  = "Mon, 02 Jan 2006 12:00:00 GMT"
		later = "Mon, 02 Jan 2006 12:00:30 GMT"
	)
	now := time.Date(2006, 1, 2, 12, 0, 10, 0, time.UTC)
	tests := []struct {
		name              string
		value, date, rate string
		want              time.Duration
		ok                bool
	}{
		{"absent", "", "", "", 0, false},
		{"seconds", "120", "", "", 2 * time.Minute, true},
		{"spaces", " 5 ", "", "", 5 * time.Second, true},
		{"zero", "0", "", "", 0, true},
		{"an hour", "3600", "", "", time.Hour, true},
		{"over an hour", "3601", "", "", 0, false},
		{"overflow", "99999999999999999999", "", "", 0, false},
		{"overflow of nanoseconds", "18446744073709551", "", "", 0, false},
		{"negative", "-5", "", "", 0, false},
		{"fraction", "1.5", "", "", 0, false},
		{"word", "soon", "", "", 0, false},
		{"date by the server's clock", later, noon, "", 30 * time.Second, true},
		{"date by our clock", later, "", "", 20 * time.Second, true},
		{"date by our clock, Date bogus", later, "noon", "", 20 * time.Second, true},
		{"date now", noon, noon, "", 0, true},
		{"date past", noon, later, "", 0, false},
		{"date in two hours", "Mon, 02 Jan 2006 14:00:00 GMT", noon, "", 0, false},
		{"rfc850", "Monday, 02-Jan-06 12:00:30 GMT", noon, "", 30 * time.Second, true},
		{"own header", "", "", "15", 15 * time.Second, true},
		{"own header after a bogus one", "soon", "", "15", 15 * time.Second, true},
		{"both", "10", "", "15", 10 * time.Second, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := retryAfter(retryHeader(tt.value, tt.date, tt.rate), now)
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %v, %v; want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func retryHeader(value, date, rate string) http.Header {
	h := http.Header{}
	h.Set("Retry-After", value)
	h.Set("Date", date)
	h.Set("x-rate-limit-retry-after-seconds", rate)
	return h
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "3600", "3601", "-1", "1e3", "Mon, 02 Jan 2006 12:00:00 GMT", "18446744073709551615"} {
		f.Add(s, "Mon, 02 Jan 2006 12:00:00 GMT", s)
	}
	now := time.Date(2006, 1, 2, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value, date, rate string) {
		d, ok := retryAfter(retryHeader(value, date, rate), now)
		if d < 0 || d > maxRetryAfter || !ok && d != 0 {
			t.Errorf("got %v, %v", d, ok)
		}
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= 3600 && value[0] != '+' && d != time.Duration(n)*time.Second {
			t.Errorf("%q: got %v", value, d)
		}
	})
}
