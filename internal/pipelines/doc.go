// Package pipelines holds tests only: the pipeline files of examples, as the CI providers would carry them out. Their
// commands are taken out of the parsed file and run in a shell, with the variables of the provider, against a fake dbt
// Cloud on loopback and with the command that is built from this tree in the place of the one that they download.
//
// A provider is one entry of the table in pipelines_test.go:
//
//   - file is its pipeline file in examples/<name>, and the fixtures in testdata/events/<name> are its variables: those
//     of pull_request.env, closed.env and push.env, unless the entry names others.
//   - jobs takes out of the parsed file what the provider would start for an event, with the steps of each job: the script,
//     the shell, the variables, and when it is carried out (after success, after a failure, after a cancel). What the file
//     decides by expressions is evaluated, see expression_test.go. What people store with the provider (world.settings: the
//     token, ids) it hands over as the provider does: as variables of every step, or only where the file maps them.
//   - places sets the variables that say where results are shown, and shown are the files that show them.
//   - stop is how the provider stops a step that is cancelled, idle the events that must start nothing.
//
// The program beside each file (main.go) is played in the place of the command, see programs_test.go. Whether a file is what its
// provider reads is asked of what others wrote, or of small strict readers where there is nothing, see validators_test.go.
//
// Each provider is put through every play of plays_test.go, and through plays of its own (also). What must come of it lies in
// testdata/golden/<name>, ids and times normalized; -update writes it anew.
package pipelines
