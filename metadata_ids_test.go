package dbtcloud_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud"
)

// TestIDsOfEveryMethod finds every method that takes the id of an environment: one that
// cannot be is refused before any request, and said to be wrong.
func TestIDsOfEveryMethod(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
	asked := 0
	for _, service := range []any{c.Metadata, c.Metadata.Beta()} {
		v := reflect.ValueOf(service)
		for i := range v.NumMethod() {
			name, method := v.Type().Method(i).Name, v.Method(i)
			at := slices.Index(slices.Collect(method.Type().Ins()), reflect.TypeFor[int64]())
			if at < 0 || name == "Job" { // which asks nothing
				continue
			}
			asked++
			for _, id := range []int64{0, -1} {
				if err := callWith(t.Context(), method, at, id); !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), "the environment id must be positive") {
					t.Errorf("%s of environment %d: error %v, want ErrInvalid", name, id, err)
				}
			}
		}
	}
	for _, ids := range [][2]int64{{0, 1}, {-1, 1}, {1, -1}, {0, 0}} {
		v := reflect.ValueOf(c.Metadata.Job(ids[0], ids[1]))
		for i := range v.NumMethod() {
			asked++
			if err := callWith(t.Context(), v.Method(i), -1, 0); !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), "id must be positive") {
				t.Errorf("%s of job %d, run %d: error %v, want ErrInvalid", v.Type().Method(i).Name, ids[0], ids[1], err)
			}
		}
	}
	if len(s.lines()) != 0 || asked < 60 {
		t.Errorf("%d methods sent %v", asked, s.lines())
	}
}

// callWith calls a method with an id and with something for everything else, and returns
// its error, or the first one of the sequence that it returns.
func callWith(ctx context.Context, method reflect.Value, at int, id int64) error {
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		in := method.Type().In(i)
		arg := reflect.New(in).Elem()
		switch {
		case i == 0:
			arg = reflect.ValueOf(ctx)
		case i == at:
			arg.SetInt(id)
		case in.Kind() == reflect.String:
			arg.SetString("x")
		case in.Kind() == reflect.Int:
			arg.SetInt(1)
		case method.Type().IsVariadic() && i == method.Type().NumIn()-1:
			continue
		}
		args = append(args, arg)
	}
	out := method.Call(args)
	last := out[len(out)-1]
	if last.Kind() != reflect.Func {
		err, _ := reflect.TypeAssert[error](last)
		return err
	}
	var first error
	yield := reflect.MakeFunc(last.Type().In(0), func(pair []reflect.Value) []reflect.Value {
		first, _ = reflect.TypeAssert[error](pair[1])
		return []reflect.Value{reflect.ValueOf(false)}
	})
	last.Call([]reflect.Value{yield})
	return first
}
