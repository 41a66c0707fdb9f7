package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigCall(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"select 1": "", "": "", "{": "", "{{": "", "{{ config(": "", "config(a=1)": "", "-- config(\n{{ x }}": "",
		"{{ config(a=1) }}\nselect 1":                                       "a=1",
		"{{config(a=1)}} {{ config(b=2) }}":                                 "a=1",
		"{{- config(\n  a='x)',\n  b=[1, (2)]\n) -}}":                       "\n  a='x)',\n  b=[1, (2)]\n",
		"{# {{ config(a=1) }} #}{{ config(b=2) }}":                          "b=2",
		"{% raw %}{{ config(a=1) }}{% endraw %}{{ config(b=2) }}":           "b=2",
		"{%- raw -%}{{ config(a=1) }}{%- endraw -%}{{ config(b=2) }}":       "b=2",
		"{% set x = {'a': {}} %}{{ config(b=2) }}":                          "b=2",
		"{{ '}} config(a=1)' }}{{ config(b=2) }}":                           "b=2",
		`{{ 'it\'s' }}{{ config(b="\")") }}`:                                `b="\")"`,
		"{{ model.config(a=1) }}{{ x | config(c=3) }}{{ config(b=2) }}":     "b=2",
		"{% macro config(x) %}{% endmacro %}{{ config(b=2) }}":              "b=2",
		"{{ log(config(a=1)) }}":                                            "a=1",
		"{{ my_config(a=1) }}{{ config.get('x') }}{{ config(b=2) }}":        "b=2",
		"{{ config (a=1) }} config()":                                       "a=1",
		"{% if x %}{{ config(a=1) }}{% else %}{{ config(b=2) }}{% endif %}": "a=1",
		"{{ config(a=1 }}":                                                  "", "{{ config(a=$) }}": "", "{{ 'open }}{{ config(a=1) }}": "",
		"select '{' || '}' {{ config(a=1) }}": "a=1",
	} {
		if got := configCall([]byte(template)); got != want {
			t.Errorf("configCall(%q) = %q, want %q", template, got, want)
		}
	}
}

// What dbt 1.12 makes of the arguments of config().
func TestRewriteConfig(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string]string{
		"a='x'":                            "x",
		`a="it's"`:                         "it's",
		"a='x' 'y'":                        "xy",
		`a='\x41\u00e9\n\q'`:               "Aé\n\\q",
		"a=true":                           "True",
		"a=False":                          "False",
		"a=none":                           "None",
		"a=24":                             "24",
		"a=1_000":                          "1000",
		"a=0x1F":                           "31",
		"a=0.50":                           "0.5",
		"a=1e3":                            "1000.0",
		"a=1e16":                           "1e+16",
		"a=0.00001":                        "1e-05",
		"a=-1":                             "-1",
		"a=[]":                             "[]",
		`a=["x", 'it''s',]`:                "['x', 'its']",
		`a=["it's", 'say "x"', '\\']`:      `["it's", 'say "x"', '\\']`,
		"a=('x',)":                         "('x',)",
		"a=('x', 1)":                       "('x', 1)",
		"a=(('x'))":                        "x",
		"a={'k': {'n': [1]}, 2: none}":     "{'k': {'n': [1]}, 2: None}",
		"a=env_var('X',default = 'y')":     "env_var('X', default='y')",
		"a=f(*x, **y)":                     "f(*x, **y)",
		"a=target.name=='prod'":            "target.name == 'prod'",
		"a=1 < x <= 3 != y":                "1 < x <= 3 != y",
		"a=x not in ['a']":                 "x not in ['a']",
		"a='p_'~target.schema~1":           "'p_' ~ target.schema ~ 1",
		"a=not x and y or z":               "not x and y or z",
		"a=not not x":                      "not not x",
		"a=var('x')['y'].z.0":              "var('x')['y'].z[0]",
		"a=x if y else z":                  "CondExpr(test=Name(name='y', ctx='load'), expr1=Name(name='x', ctx='load'), expr2=Name(name='z', ctx='load'))",
		"a=x if y":                         "CondExpr(test=Name(name='y', ctx='load'), expr1=Name(name='x', ctx='load'), expr2=None)",
		"a=1+2*3":                          "Add(left=Const(value=1), right=Mul(left=Const(value=2), right=Const(value=3)))",
		"a=x|lower":                        "Filter(node=Name(name='x', ctx='load'), name='lower', args=[], kwargs=[], dyn_args=None, dyn_kwargs=None)",
		"a=x|default('y', true)":           "Filter(node=Name(name='x', ctx='load'), name='default', args=[Const(value='y'), Const(value=True)], kwargs=[], dyn_args=None, dyn_kwargs=None)",
		"a=x is defined":                   "Test(node=Name(name='x', ctx='load'), name='defined', args=[], kwargs=[], dyn_args=None, dyn_kwargs=None)",
		"a=x is not divisibleby 3":         "not Test(node=Name(name='x', ctx='load'), name='divisibleby', args=[Const(value=3)], kwargs=[], dyn_args=None, dyn_kwargs=None)",
		"a=x[1:]":                          "x[Slice(start=Const(value=1), stop=None, step=None)]",
		"a=[0b11, 0O17, 0x1F, 0x_e]":       "[3, 15, 31, 14]",
		"a=+1":                             "Pos(node=Const(value=1))",
		"a=2**3":                           "Pow(left=Const(value=2), right=Const(value=3))",
		"'positional', a='x', **more":      "x",
		"a='first', b=(1 - 1), a='second'": "second",
		"\n    a = 'x' ,\n    b = 'y' ,\n": "x",
	} {
		config := object{"kept": json.RawMessage("1")}
		rewriteConfig(config, &Node{ConfigCall: arguments})
		var got string
		if err := json.Unmarshal(config["a"], &got); err != nil || got != want || string(config["kept"]) != "1" {
			t.Errorf("config(%s): a = %q, %v, want %q", arguments, got, err, want)
		}
	}
}

func TestRewriteConfigOnlyWhereDbtDoes(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]*Node{
		"no call":           {},
		"no keywords":       {ConfigCall: "{'a': 1}"},
		"no Jinja":          {ConfigCall: "a=;"},
		"more than a call":  {ConfigCall: "a=1) b"},
		"nothing behind =":  {ConfigCall: "a="},
		"two commas":        {ConfigCall: "a=1,,b=2"},
		"a function":        {ConfigCall: "a=1", ResourceType: "function"},
		"a simple test":     {ConfigCall: "a=1", ResourceType: "test", DependsOn: DependsOn{Macros: []string{"macro.dbt.test_unique"}}},
		"deep":              {ConfigCall: "a=" + strings.Repeat("[", 10_000)},
		"deep, with a sign": {ConfigCall: "a=" + strings.Repeat("-", 10_000) + "1"},
	} {
		config := object{"a": json.RawMessage(`"kept"`)}
		if rewriteConfig(config, n); string(config["a"]) != `"kept"` {
			t.Errorf("%s: a = %s", name, config["a"])
		}
	}
	empty := object{}
	if rewriteConfig(empty, &Node{ConfigCall: "a=1"}); len(empty) != 0 {
		t.Errorf("a node without an unrendered configuration got %v", empty)
	}
}

func TestRunning(t *testing.T) {
	t.Parallel()
	type question struct{ profile, written string }
	got := map[question]string{}
	want := map[question]string{
		{ProfileCore112, "1.12.1"}: "1.12.1", {ProfileCore112, "1.13.0b1"}: "1.13.0b1", {ProfileCore112, "2.0.0-beta.2"}: "2.0.0-beta.2",
		{ProfileCore112, "1.11.9"}: "1.12.3", {ProfileCore112, "0.21.0"}: "1.12.3", {ProfileCore112, ""}: "1.12.3", {ProfileCore112, "1.x"}: "1.12.3",
		{ProfileCore19, "1.10.0"}: "1.10.0",
	}
	for q := range want {
		got[q] = running(q.profile, q.written)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("running (-want +got):\n%s", diff)
	}
}

// Whatever is in a template, what is written of its config() call can be read again and is the same.
func FuzzConfigCall(f *testing.F) {
	f.Add("{{ config(a=[x.y(1, k='v')['z'], not b and -c ~ 'd'], e={'f': (1,)}) }}")
	f.Add("{% raw %}{% endraw %}{# #}{{ config(a=x is not y, b=x|f(1), c=1 if 2 else 3, d=4 ** 5) }}")
	f.Fuzz(func(t *testing.T, template string) {
		keywords, err := keywordArguments(configCall([]byte(template)))
		if err != nil {
			return
		}
		for _, k := range keywords {
			written := source(k)
			if strings.Contains(written, "(node=") || strings.Contains(written, "left=") || strings.Contains(written, "test=") || strings.Contains(written, "start=") {
				continue // dbt has no form for it
			}
			again, err := keywordArguments(written)
			if err != nil || len(again) != 1 {
				t.Fatalf("%q was written as %q, which cannot be read: %v", template, written, err)
			}
			if twice := source(again[0]); twice != written {
				t.Fatalf("%q was written as %q, and that as %q", template, written, twice)
			}
		}
	})
}
