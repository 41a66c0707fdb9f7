package parity

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/manifest"
)

// Where another version wrote the state, dbt reads the config() calls of its code anew, and so does package manifest: what
// both make of any expression must be the same, or else a model counts as modified for one of them alone. That version is a
// dbt-core 1.9 which wrote something else for nearly every call.
func TestConfigCallsReadAnew(t *testing.T) {
	t.Parallel()
	older, d := startDbt(t, 9), startDbt(t, 12)
	before, project := setting{minor: 9, flag: "true"}.project(t), newProject(t, 12)
	call, count := calls(), testenv.Count(50, 200, 2000)
	for i := range count {
		path, text := fmt.Sprintf("models/calls/call%d.sql", i), call.Example(i)+"\nselect 1 as id\n"
		before.files[path], project.files[path] = text, text
	}
	old, now := older.parse(t, before), d.parse(t, project)
	d.compare(t, old, now, manifest.Core112(), questions())
	n := len(d.list(t, old, now, "state:modified.configs,path:models/calls", manifest.Empty).Lines)
	t.Logf("%d of %d calls are of another configuration when they are read anew", n, count)
	if n == 0 || n == count {
		t.Errorf("dbt tells no call from another: %d of %d", n, count)
	}
}

// calls are config() calls with arguments that dbt can evaluate, in the ways in which people lay them out.
func calls() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		values := rapid.SliceOfN(value(3), 1, 4).Draw(t, "values")
		layout := rapid.SampledFrom([]string{", ", ",", " ,\n    "}).Draw(t, "layout")
		equals := rapid.SampledFrom([]string{"=", " = "}).Draw(t, "equals")
		end := rapid.SampledFrom([]string{"", "", ",", "\n"}).Draw(t, "end")
		for i, v := range values {
			values[i] = fmt.Sprintf("key%d%s%s", i, equals, v)
		}
		around := rapid.SampledFrom([]string{"{{ config(%s) }}", "{{config(%s)}}", "{{- config( %s ) -}}", "-- first\n{{\n  config(%s)\n}}", "{%% do config(%s) %%}", "{# config(key0='no') #}{{ config(%s) }}"}).Draw(t, "around")
		return fmt.Sprintf(around, strings.Join(values, layout)+end)
	})
}

// value is an expression of Jinja that has a value in JSON.
func value(depth int) *rapid.Generator[string] {
	plain := []*rapid.Generator[string]{texts(), numbers(), rapid.SampledFrom([]string{
		"true", "false", "True", "False", "none", "None", "[]", "{}", "()", "target.name", "target['schema']", "var('region')",
		`var("missing", 'x')`, "env_var('MISSING', 'y')", "this.name", "this.schema", "model.name", "'a' 'b'", "range(3) | list",
	})}
	if depth == 0 {
		return rapid.OneOf(plain...)
	}
	return rapid.OneOf(append(plain, list(depth-1), pairs(depth-1), operation(depth-1), postfix(depth-1))...)
}

func texts() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		"'x'", `"x"`, "''", `"it's"`, `'say "x"'`, `'it\'s'`, `"it's \"x\""`, `'a\\b'`, `'a\nb'`, `'a\tb'`, `'é'`, `'\u00e9'`, `'{{ x }}'`,
		`"{{ var('region') }}"`, "'two words'", "'1'", "'true'", "'None'", `"'quoted'"`, `'"quoted"'`, "'日本'", "'a,b'", "'[1]'", `'%s'`, "'\u200b'", "'😀'", `'\x01'`,
	})
}

func numbers() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		"0", "1", "-1", "+1", "1_000", "12345678901234567890", "1.5", "-1.5", "0.10", "1.0", "1e5", "1e16", "1.5e-7", "1E+3", "0.00001", "123456789.123456789",
		"1e22", "0x1f", "0b11", "0o17", "100000000000000000.0", "2 ** 3", "7 // 2", "7 % 4", "7 / 2", "- 1", "--1",
	})
}

func list(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		items := strings.Join(rapid.SliceOfN(value(depth), 1, 3).Draw(t, "items"), rapid.SampledFrom([]string{", ", ","}).Draw(t, "comma"))
		return rapid.SampledFrom([]string{"[" + items + "]", "[ " + items + ", ]", "(" + items + ",)"}).Draw(t, "brackets")
	})
}

func pairs(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var items []string
		for i, v := range rapid.SliceOfN(value(depth), 1, 3).Draw(t, "values") {
			form := rapid.SampledFrom([]string{"'k%d': %s", `"k%d":%s`, "'k' ~ %d : %s"}).Draw(t, "form")
			items = append(items, fmt.Sprintf(form, i, v))
		}
		return "{" + strings.Join(items, ", ") + rapid.SampledFrom([]string{"", ","}).Draw(t, "end") + "}"
	})
}

// operand is a value that stays whole whatever stands beside it, so that texts are never compared with numbers.
func operand(depth int) *rapid.Generator[string] {
	return rapid.Map(value(depth), func(v string) string {
		if strings.ContainsAny(v, " ~<>=+-*/%|") {
			return "(" + v + ")"
		}
		return v
	})
}

func operation(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		a, b, c := operand(depth).Draw(t, "a"), operand(depth).Draw(t, "b"), operand(depth).Draw(t, "c")
		form := rapid.SampledFrom([]string{
			"%[1]s ~ %[2]s", "%[1]s~%[2]s ~ %[3]s", "(%[1]s)", "((%[1]s))", "%[1]s == %[2]s", "%[1]s != %[2]s", "not %[1]s", "%[1]s and %[2]s", "%[1]s or %[2]s and %[3]s",
			"(%[1]s or %[2]s) and %[3]s", "(%[1]s if %[2]s else %[3]s)", "%[1]s if %[2]s else %[3]s", "%[1]s in [%[2]s, %[3]s]", "%[1]s not in [%[2]s]",
			"1 + 2 * 3", "(1 + 2) * 3", "1 < 2 <= 3", "'a' + 'b'", "[%[1]s] + [%[2]s]", "2 ** -1", "-(1 + 2)", "not (%[1]s == %[2]s)", "3 - 2 - 1", "3 - (2 - 1)",
		}).Draw(t, "form")
		return strings.NewReplacer("%[1]s", a, "%[2]s", b, "%[3]s", c).Replace(form)
	})
}

func postfix(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		v := operand(depth).Draw(t, "v")
		form := rapid.SampledFrom([]string{
			"[%s][0]", "[%s][-1]", "{'k': %s}['k']", "{'k': %s}.k", "{'k': %s}.get('k')", "{'k': %s}.get('no', 'x')", "[%s] | first", "[%s] | length", "[%s]|list", "[%s] | map('string') | list",
			"[%s][0:1]", "[%s][:1]", "[%s][::1]", "%s is none", "%s is not none", "(%s) is defined", "%s is string", "%s | default('x')", "%s | default('x', true)",
			"'abc'.upper()", "'abc' | upper | lower", "'a-b'.split('-')", "'abc'[1]", "'{}'.format('x')", "'%%s' | format('x')", "dict(k=%s)", "namespace(k=%s).k", "modules.datetime.date(2020, 1, 2).isoformat()",
			"tojson(%s)", "(%s) | tojson", "'a,b' | replace(',', ';')", "7 is divisibleby 2", "7 is divisibleby(2)", "[3, 1] | sort(reverse=true)", "[%s] | join(', ')",
		}).Draw(t, "form")
		return strings.NewReplacer("%s", v, "%%", "%").Replace(form)
	})
}
