package dbtcloud

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTimeForms(t *testing.T) {
	t.Parallel()
	at := func(nanos int) time.Time { return time.Date(2022, 8, 31, 2, 18, 57, nanos, time.UTC) }
	tests := map[string]time.Time{
		`null`: {}, `""`: {}, `" "`: {},
		`"2022-08-31 02:18:57.855152+00:00"`:    at(855152000),
		`"2022-08-31T02:18:57.855152+00:00"`:    at(855152000),
		`"2022-08-31T02:18:57Z"`:                at(0),
		`"2022-08-31 02:18:57"`:                 at(0),
		`"2022-08-31T02:18:57.5"`:               at(500000000),
		`"2022-08-31T02:18:57.123456789Z"`:      at(123456789),
		`"2022-08-31 04:18:57+02:00"`:           at(0),
		`"2022-08-31 04:18:57+0200"`:            at(0),
		`"2022-08-31 02:18:57+00"`:              at(0),
		`"2022-08-30T21:18:57.000001-05:00"`:    at(1000),
		`"1661912337855152"`:                    at(855152000),
		`"2022-08-31"`:                          time.Date(2022, 8, 31, 0, 0, 0, 0, time.UTC),
		`" 2022-08-31T02:18:57Z "`:              at(0),
		`"\u0032022-08-31T02:18:57Z"`:           at(0),
		`"9999-12-31T23:59:59.999999999+00:00"`: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	}
	for in, want := range tests {
		var got Time
		if err := json.Unmarshal([]byte(in), &got); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s is %v, want %v", in, got, want)
		}
	}
}

func TestNoTime(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`"yesterday"`, `"2022-13-01T00:00:00Z"`, `"2022-08-31T25:00:00Z"`, `"12345"`, `"999999999999999999"`, `17`, `{}`, `[]`, `true`,
		`"9999-12-31T23:59:59-01:00"`, `"0000-01-01T00:00:00+01:00"`} {
		var got Time
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s is %v, want an error", in, got)
		} else if len(in) > 4 && strings.Contains(err.Error(), strings.Trim(in, `"`)) {
			t.Errorf("%s: the error quotes it: %v", in, err)
		}
	}
}

func TestTimeAsJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal([]Time{{}, {time.Date(2022, 8, 31, 2, 18, 57, 5000, time.UTC)}})
	if want := `[null,"2022-08-31T02:18:57.000005Z"]`; err != nil || string(got) != want {
		t.Errorf("got %s and %v, want %s", got, err, want)
	}
}

// FuzzTime: no text makes a Time panic, and what can be read can be written and read
// again.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{"", "2022-08-31 02:18:57.855152+00:00", "2022-08-29T14:02:57.378279Z", "1675735768491774", "2022-08-31", "0001-01-01T00:00:00Z", "2022-08-31T02:18:57+24:00", "-99999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := parseTime(s)
		if err != nil {
			return
		}
		b, err := json.Marshal(Time{parsed})
		if err != nil {
			t.Fatalf("%q is %v, which JSON cannot hold: %v", s, parsed, err)
		}
		var again Time
		if err := json.Unmarshal(b, &again); err != nil || !again.Equal(parsed) {
			t.Fatalf("%q is %v, written as %s and read as %v, %v", s, parsed, b, again, err)
		}
	})
}

// TestDecodeMends: ids that came as strings are numbers, and nothing else changes.
func TestDecodeMends(t *testing.T) {
	t.Parallel()
	type part struct {
		ID      int64   `json:"id"`
		JobIDs  []int64 `json:"job_ids"`
		Blocked []int64 `json:"blocked_by"`
		Status  int     `json:"status"`
		Name    string  `json:"name"`
		Thread  string  `json:"owner_thread_id"`
		Value   string  `json:"value"`
		Nested  *part   `json:"nested"`
	}
	const big = 9007199254740993 // more than a float64 holds exactly
	tests := map[string]struct {
		in   string
		want part
	}{
		"numbers":                  {`{"id":9007199254740993,"name":"1","value":"2"}`, part{ID: big, Name: "1", Value: "2"}},
		"strings":                  {`{"id":"9007199254740993","name":"1","value":"2","status":"3"}`, part{ID: big, Name: "1", Value: "2", Status: 3}},
		"mixed":                    {`{"id":"1","nested":{"id":9007199254740993,"value":"<&>"}}`, part{ID: 1, Nested: &part{ID: big, Value: "<&>"}}},
		"lists":                    {`{"id":1,"job_ids":["1",2],"blocked_by":["3"]}`, part{ID: 1, JobIDs: []int64{1, 2}, Blocked: []int64{3}}},
		"no number, though digits": {`{"id":"1","external_id":"007","other_id":"+7","nested":{"id":"2"}}`, part{ID: 1, Nested: &part{ID: 2}}},
		"worker":                   {`{"id":"1","owner_thread_id":"5"}`, part{ID: 1, Thread: "5"}},
		"nulls":                    {`{"id":"1","job_ids":null,"nested":null,"name":null}`, part{ID: 1}},
		"negative, as a string":    {`{"id":"-1"}`, part{ID: -1}},
	}
	for name, test := range tests {
		var got part
		if err := decode([]byte(test.in), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, in := range []string{`{"id":"x"}`, `{"id":"1.5"}`, `{"id":""}`, `{"id":{}}`, `{"id":1.5}`, `{"id":99999999999999999999}`, `{"id":"99999999999999999999"}`, `{"name":5}`, `{`} {
		var got part
		if decode([]byte(in), &got) == nil {
			t.Errorf("%s decodes to %+v", in, got)
		}
	}
}

// FuzzAnswer: no answer makes decoding panic, and a run that was decoded can be
// written as JSON and decoded again to the same.
func FuzzAnswer(f *testing.F) {
	run, err := os.ReadFile("testdata/run.json")
	if err != nil {
		f.Fatal(err)
	}
	job, err := os.ReadFile("testdata/job.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"data":` + string(run) + `}`, `{"data":` + string(job) + `}`, `{"data":[` + string(run) + `]}`, string(run),
		`{"data":{"data":{"id":"1"}}}`, `{"data":null}`, `{}`, `[]`, `null`, `"x"`, `3`, ``, `<html>`, `{"status":5,"extra":[],"detail":{}}`,
		`{"data":{"id":1,"status":"10","audit":{"cancellation":{"actor":{"id":5}}}}}`, `{"status":{"is_success":false},"data":{"a":[{"b":"c"},"d",null]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := parseAnswer(raw)
		if err != nil {
			if json.Valid(raw) {
				t.Fatalf("%q is JSON, but: %v", raw, err)
			}
			return
		}
		_ = validation(a.data)
		_ = decode(a.data, new([]*Job))
		_ = decode(a.data, new(Job))
		_ = decode(a.data, new(Account))
		var run, again Run
		if a.empty() || decode(a.data, &run) != nil {
			return
		}
		b, err := json.Marshal(&run)
		if err != nil {
			t.Fatalf("a run that was decoded from %q is not JSON: %v", raw, err)
		}
		if err := decode(b, &again); err != nil {
			t.Fatalf("%s does not decode: %v", b, err)
		}
		if diff := cmp.Diff(run, again, cmpopts.IgnoreUnexported(Run{}), cmpopts.EquateEmpty(), jsonEqual); diff != "" {
			t.Fatalf("(-first +again):\n%s", diff)
		}
	})
}

// jsonEqual compares what is kept as JSON by what it means.
var jsonEqual = cmp.Transformer("JSON", func(m json.RawMessage) any {
	var v any
	_ = json.Unmarshal(m, &v)
	return v
})

func TestRawKeepsEverything(t *testing.T) {
	t.Parallel()
	const in = `{"id":1,"later":{"a":[1,2.50]},"name":null}`
	var j Job
	var r Run
	var a Account
	for _, v := range []interface {
		json.Unmarshaler
		Raw() json.RawMessage
	}{&j, &r, &a} {
		if v.Raw() != nil {
			t.Errorf("%T: Raw before decoding is %s", v, v.Raw())
		}
		b := []byte(in)
		if err := json.Unmarshal(b, v); err != nil {
			t.Fatal(err)
		}
		clear(b) // what is kept must not be the caller's buffer
		if string(v.Raw()) != in {
			t.Errorf("%T: Raw is %s, want %s", v, v.Raw(), in)
		}
	}
}
