package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// badCommands are invocations of the resource commands that must be refused before any request.
func badCommands() []struct{ name, args, want string } {
	const create = "jobs create --project 11 --environment 22 --name x --step y "
	return []struct{ name, args, want string }{
		{"job id 0", "jobs get 0", "job: must be a name, or an id above 0"},
		{"negative job id", "jobs get -- -5", "job: must be a name, or an id above 0"},
		{"negative job id of a trigger", "jobs trigger -- -5", "job: must be a name, or an id above 0"},
		{"huge project id", "projects get 99999999999999999999", "project: must be a name, or an id above 0"},
		{"environment id 0", "environments get 0 --project 11", "environment: must be a name, or an id above 0"},
		{"run id 0", "runs logs 0", `run id "0": must be a whole number of at least 1`},
		{"run id -1", "runs artifacts -- -1", `run id "-1": must be a whole number of at least 1`},
		{"run by name", "runs retry Nightly", `run id "Nightly": must be a whole number of at least 1`},
		{"project flag 0", "jobs list --project 0", `--project" flag: must be a name, or an id above 0`},
		{"job flag -5", "runs list --job=-5", `--job" flag: must be a name, or an id above 0`},
		{"empty job flag", "runs list --job=", `--job" flag: is empty: is the variable set that it comes from?`},
		{"no job", "jobs get", "dbtcloud jobs get takes one argument, the id or the name of the job, not 0"},
		{"name without quotes", "jobs get Slim CI", "dbtcloud jobs get takes one argument, the id or the name of the job, not 2: put quotes around a name"},
		{"no project", "environments list", "--project: is missing: give it, or set DBT_CLOUD_PROJECT_ID"},
		{"no project for variables", "env-vars list", "--project: is missing: give it, or set DBT_CLOUD_PROJECT_ID"},
		{"environment by name in no project", "jobs list --environment CI", "--environment: a name needs --project"},
		{"list with an argument", "projects list x", "dbtcloud projects list takes flags only"},

		{"create of nothing", "jobs create", "--project: is missing: give it, or project_id in --file; --environment: is missing: give it, or environment_id in --file; --name: is missing: give it, or name in --file; --step: is missing: give it, or execute_steps in --file"},
		{"create with half", "jobs create --project 11 --step x", "--environment: is missing: give it, or environment_id in --file; --name: is missing"},
		{"project without a name", "projects create --description x", "--name: is missing: give it, or name in --file"},
		{"environment without anything", "environments create", "--name: is missing: give it, or name in --file; --project: is missing"},
		{"empty name", create + "--name=", `--name" flag: is empty`},
		{"empty step", create + "--step=", "--step: number 2 is empty: is the variable set that it comes from?"},
		{"unknown type", create + "--type nightly", `--type" flag: must be one of ci, merge, scheduled, other`},
		{"threads 0", create + "--threads 0", `--threads" flag: must be a whole number of at least 1`},
		{"timeout of less than a second", create + "--timeout 1ms", `--timeout" flag: must be at least 1s`},
		{"hour 24", create + "--at-hours 3,24", `--at-hours" flag: must be hours from 0 to 23`},
		{"hours in words", create + "--at-hours noon", `--at-hours" flag: must be hours from 0 to 23`},
		{"every 24 hours", create + "--every-hours 24", "schedule.time.interval: must be between 1 and 23 hours"},
		{"cron of four fields", create + "--schedule-cron 1-2", "schedule.date.cron: must have five fields"},
		{"unknown day", create + "--at-hours 3 --days mon,someday", `--days" flag: must be days: mon, tue, wed, thu, fri, sat, sun`},
		{"days alone", create + "--days mon", "--days: belongs to --at-hours or --every-hours"},
		{"two schedules", create + "--at-hours 3 --every-hours 2", "--at-hours and --every-hours: give only one of them"},
		{"schedule and merge", create + "--at-hours 3 --trigger-on-merge", "--at-hours and --trigger-on-merge: give only one of them"},
		{"malformed switch", create + "--docs=perhaps", `--docs" flag: must be true or false`},

		{"update of nothing", "jobs update 101", "nothing to change: give a flag, or a field in --file, that says what of the job shall be different"},
		{"update of nothing in a project", "jobs update 101 --project 11", "nothing to change"},
		{"update with an empty file", "projects update 11 --file EMPTY", "nothing to change"},
		{"update of the account to nothing", "accounts update", "nothing to change: give a flag, or a field in --file, that says what of the account"},
		{"update of an empty object", "jobs update 101 --file HOLLOW", `--file: "settings" is empty`},
		{"unknown field of an environment", "environments update 21 --project 11 --file TYPO", `"nam" is no field of an environment: did you mean name?`},
		{"account that is cleared", "accounts update --file CLEARED", `--file: "name" cannot be cleared: give a value or leave it out`},
		{"update without a job", "jobs update --name x", "dbtcloud jobs update takes one argument, the id or the name of the job, not 0"},
		{"read-only field", "jobs update 101 --file READONLY", `--file: "created_at" cannot be written, it is for the service to set: leave it out; "nam" is no field of a job: did you mean name?`},
		{"file that is not there", "jobs update 101 --file NONE", "no such file or directory"},
		{"file that is no JSON", "jobs update 101 --file TEXT", "--file: is not a JSON object, such as"},
		{"file that is a directory", "jobs update 101 --file DIR", "--file: "},
		{"large file", "jobs update 101 --file LARGE", "--file: is larger than 1 MiB"},

		{"deploy without a commit", "jobs deploy 101", "--sha: is missing: give the merged commit"},
		{"deploy of a short commit", "jobs deploy 101 --sha abcdef1", `--sha: "abcdef1" is not a full commit id of 40 or 64 hexadecimal digits`},
		{"deploy of no commit", "jobs deploy 101 --sha main", `--sha: "main" is not a full commit id`},
		{"deploy of an empty commit", "jobs deploy 101 --sha=", `--sha" flag: is empty`},
		{"long cause", "jobs deploy 101 --sha " + sha1 + " --cause " + strings.Repeat("é", 245), "--cause: has 245 characters, the limit is 244: shorten it"},
		{"two pull requests", "jobs trigger 101 --github-pull-request 1 --pull-request 2", "--github-pull-request and --pull-request: give only one of them"},
		{"empty step of a trigger", "jobs trigger 101 --steps-override=", "steps_override[0]: is empty"},
		{"poll interval of nothing", "runs wait 5 --poll-interval 1ns", `--poll-interval" flag: must be at least 100ms`},
		{"poll interval of a deploy", "jobs deploy 101 --sha " + sha1 + " --poll-interval 99ms", `--poll-interval" flag: must be at least 100ms`},
		{"poll interval of autoscale-ci", "autoscale-ci --poll-interval 1ms", `--poll-interval" flag: must be at least 100ms`},

		{"unknown status", "runs list --status done", `--status" flag: must be some of queued, starting, running, success, error, cancelled, active`},
		{"too many", "runs list --newest 101", "--newest: must be at most 100, not 101: --since lists more"},
		{"none", "runs list --newest 0", `--newest" flag: must be a whole number of at least 1`},
		{"since when", "runs list --since yesterday", `--since" flag: must be a length of time such as 90m, 24h or 7d, or a date`},
		{"unknown format", "runs report 5 --format html", `--format" flag: must be one of text, markdown, junit,`},
		{"report into no file", "runs report 5 --to=", `is empty: is the variable set that it comes from?`},
		{"step 0", "runs logs 5 --step 0", `--step" flag: must be a whole number of at least 1`},
		{"file without an artifact", "runs artifacts 5 -o x", "--to and --step are for the download of an artifact: give its path"},
		{"file without a name", "runs artifacts 5 x.txt --to=", "--to: is empty: is the variable set that it comes from?"},
		{"too many artifacts", "runs artifacts 5 a b", "takes the id of a run, and the path of an artifact to download, not 3 arguments"},
		{"path that leaves", "runs artifacts 5 ../x", `has an empty, . or .. segment`},

		{"variable without a name", "env-vars create --project 11 --value x", "--name: is missing"},
		{"variable without a value", "env-vars create --project 11 --name DBT_X", "--value-from-env, --value-from-stdin or --value: is missing: give one of them"},
		{"two values", "env-vars create --project 11 --name DBT_X --value x --value-from-stdin", "--value and --value-from-stdin: give only one of them"},
		{"value from nowhere", "env-vars update DBT_X --project 11 --value-from-env NOT_SET", "--value-from-env: the variable NOT_SET is not set, or empty"},
		{"value from an empty standard input", "env-vars create --project 11 --name DBT_X --value-from-stdin", "standard input is empty"},
		{"two places", "env-vars delete DBT_X --project 11 --job 1 --user-id 2", "--job and --user-id: give only one of them"},
		{"lower case", "env-vars create --project 11 --name dbt_x --value x", `name: "dbt_x" must start with DBT_ and be upper case`},
		{"no variable", "env-vars get --project 11", "dbtcloud env-vars get takes one argument, the name of the variable"},
		{"user 0", "env-vars list --project 11 --user-id 0", `--user-id" flag: must be a whole number of at least 1`},
	}
}

func TestBadCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"EMPTY": "{}", "BLANK": "\n", "HOLLOW": `{"settings":{}}`, "TYPO": `{"nam":"x"}`, "CLEARED": `{"name":null}`, "TEXT": "hunter2", "LARGE": strings.Repeat(" ", maxFile+1), "READONLY": `{"created_at":"hunter2","nam":"hunter2","name":"x"}`,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range slices.Concat(badCommands(), badMetadata()) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, output := range []string{"text", "json"} {
				c := newCloud(t, 0)
				var args []string
				for arg := range strings.FieldsSeq(test.args) {
					if _, ok := files[arg]; ok || arg == "NONE" {
						arg = filepath.Join(dir, arg)
					}
					args = append(args, strings.Replace(arg, "DIR", dir, 1))
				}
				args = append([]string{args[0], "--output=" + output}, args[1:]...)
				o := invoke(t, c.env, args...).want(t, exitBadInput)
				if !strings.Contains(o.stderr, test.want) || !strings.HasPrefix(o.stderr, "dbtcloud: invalid input: ") || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
					if args[0] != "autoscale-ci" || !strings.Contains(o.stderr, test.want) {
						t.Errorf("stdout %q, stderr %q, want one line with %q", o.stdout, o.stderr, test.want)
					}
				}
				if word := goWords.FindString(o.stderr); word != "" || strings.Contains(o.stderr, "hunter2") {
					t.Errorf("stderr %q speaks Go, or shows a value: %q", o.stderr, word)
				}
				if n := len(c.Requests()); n > 0 {
					t.Errorf("sent %d requests", n)
				}
			}
		})
	}
}
