package dbtcloud

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// thorough is what becomes of an answer that is not quick.
func thorough[T any](body []byte, begin json.Delim) (items []*T, total int, err error) {
	a, err := parseAnswer(body)
	if err != nil {
		return nil, 0, err
	}
	if a.bare || a.refused || a.empty() {
		return nil, 0, errors.New("holds nothing")
	}
	data := unnest(a.data)
	if begin == '[' {
		err = decode(data, &items)
	} else {
		items = []*T{new(T)}
		err = decode(data, items[0])
	}
	return items, a.total, err
}

// agree fails where quick comes to another result than thorough does.
func agree[T any](t *testing.T, body []byte, begin json.Delim) (quickly bool) {
	t.Helper()
	got, total, ok := quick[T](body, begin)
	if !ok {
		if got != nil {
			t.Fatalf("%q: items without ok", body)
		}
		return false
	}
	want, wantTotal, err := thorough[T](body, begin)
	if err != nil {
		t.Fatalf("%q: quick decodes what is an error: %v", body, err)
	}
	if total != wantTotal || len(got) != len(want) {
		t.Fatalf("%q: %d items of %d, want %d of %d", body, len(got), total, len(want), wantTotal)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Run{}, Job{}, raw{})); diff != "" {
		t.Fatalf("%q (-thorough +quick):\n%s", body, diff)
	}
	return true
}

// TestQuick: the answers that the service gives are quick, and whatever differs from
// them is left to parseAnswer and decode.
func TestQuick(t *testing.T) {
	t.Parallel()
	recorded, err := os.ReadFile("testdata/run.json")
	if err != nil {
		t.Fatal(err)
	}
	run := string(recorded)
	const fine, extra = `{"code":200,"is_success":true,"user_message":"Success!","developer_message":""}`, `{"filters":{},"order_by":"id","pagination":{"count":2,"total_count":7}}`
	tests := []struct {
		name, body string
		begin      json.Delim
		quickly    bool
	}{
		{"one", `{"data":` + run + `,"status":` + fine + `}`, '{', true},
		{"status first, blanks", " { \"status\" : " + fine + " ,\r\n\t\"data\" : " + run + " }\n", '{', true},
		{"list", `{"data":[` + run + ` , ` + run + `],"status":` + fine + `,"extra":` + extra + `}`, '[', true},
		{"empty list", `{"data":[],"status":` + fine + `,"extra":` + extra + `}`, '[', true},
		{"no status, no total", `{"data":[` + run + `]}`, '[', true},
		{"an item for a list", `{"data":` + run + `}`, '[', false},
		{"a list for an item", `{"data":[` + run + `]}`, '{', false},
		{"a null in the list", `{"data":[null,` + run + `]}`, '[', false},
		{"no id", `{"data":{}}`, '{', false},
		{"wrapped twice", `{"data":{"data":` + run + `}}`, '{', false},
		{"an id as a text", `{"data":{"id":"5"}}`, '{', false},
		{"refused", `{"data":` + run + `,"status":{"is_success":false}}`, '{', false},
		{"refused in the end", `{"status":` + fine + `,"data":` + run + `,"status":{"is_success":false}}`, '{', false},
		{"data twice", `{"data":` + run + `,"data":{"id":6}}`, '{', false},
		{"data twice, in another way", `{"data":` + run + `,"Data":{"id":6}}`, '{', false},
		{"another field", `{"data":` + run + `,"error_code":null}`, '{', false},
		{"status as a number", `{"data":` + run + `,"status":200}`, '{', false},
		{"extra as a list", `{"data":` + run + `,"extra":[]}`, '{', false},
		{"null", `{"data":null}`, '{', false},
		{"a list of null", `{"data":null}`, '[', false},
		{"bare", run, '{', false},
		{"cut off", `{"data":` + run, '{', false},
		{"something after it", `{"data":` + run + `}x`, '{', false},
		{"a second object after it", `{"data":` + run + `}{}`, '{', false},
		{"a comma too many", `{"data":` + run + `,}`, '{', false},
		{"a comma too many in the list", `{"data":[` + run + `,]}`, '[', false},
		{"the wrong bracket", `{"data":[` + run + `}}`, '[', false},
		{"nothing", ``, '{', false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := agree[Run](t, []byte(test.body), test.begin); got != test.quickly {
				t.Errorf("quick is %v, want %v", got, test.quickly)
			}
		})
	}
}

// FuzzQuick: what is decoded quickly is what thorough decodes.
func FuzzQuick(f *testing.F) {
	for _, name := range []string{"run", "job"} {
		item, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(`{"status":{"code":200,"is_success":true},"data":` + string(item) + `}`))
	}
	for _, seed := range []string{
		`{"data":[{"id":1},{"id":2,"x":[]}],"extra":{"pagination":{"total_count":9}}}`, `{"data":[ ],"status":{"is_success":false}}`, `{"data":{"id":1},"data":{"id":2}}`,
		`{"data":{"id":1,"ID":2},"STATUS":{}}`, `{"data":{"id":3}} `, `{"data":[{"id":1}],"status":null,"extra":null}`, `{"data":{"id":1}}]`, `{"d\u0061ta":{"id":1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, begin := range []json.Delim{'{', '['} {
			agree[Run](t, body, begin)
			agree[Job](t, body, begin)
		}
	})
}
