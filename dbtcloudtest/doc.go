// Package dbtcloudtest is a fake dbt Cloud that runs inside a test: stateful, in memory, without a network or an account.
// It serves every operation of the Administrative API on accounts, projects, environments, environment variables, jobs and runs, in both
// versions, and it schedules, queues, runs, cancels and forgets runs as the service does.
//
//	s := dbtcloudtest.New(dbtcloudtest.WithRunSlots(2))
//	job := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
//	client, err := s.Client()                  // a dbtcloud.Client that needs no socket
//	url := s.Start(t)                          // or any other client, over HTTP
//	...
//	s.Runs()                                   // what has come of it
//
// # Time
//
// The server has no goroutines and no timers. Every request and every inspection first makes happen what is due by then,
// in the order of time and stamped with the exact instant. So a run of an hour costs nothing in testing/synctest, where
// [Server.Transport] is the way in (its latency moves the clock), and a run of a second takes a second in real time.
// How long a run takes and how it ends is up to [WithRunTime]; by default it takes five minutes and succeeds.
//
// # What is like the service
//
// Runs of a job run one after the other. A run that is starting or running holds one of the account's run slots, a queued one
// holds none; the oldest run that can start does. A deleted job takes its unfinished runs with it. A cancel of a queued run
// is immediate, one of a running run takes its time ([WithCancelLatency]). [WithCIConcurrency] is what other plans do.
// Answers have the shapes that were recorded of the service: nulls, both forms of timestamps, an answer that is nested twice.
// What is missing, deleted or outside the token's projects ([WithProjectScope]) is a 404 that hints at permissions.
//
// Request bodies are checked as strictly as the official document allows ([WithWrites]), or take what real clients send; query
// parameters that an operation does not have are ignored, as the service ignores them, and recorded in [Request]. An update replaces
// the whole object: what it leaves out gets its default, so an environment loses its connection and credentials. Values
// of DBT_ENV_SECRET... variables are never shown.
//
// In no document, but served because clients live by it: the lists of an account's environments in the third version, and its deletion.
//
// # What is assumed
//
// Where nobody has recorded what the service does, an option chooses, and its text says so: what a full queue or a deactivated
// job answers, and the deletion of a project or an environment that has active jobs ([WithRefusal]), and what a deletion answers
// ([WithDeletes], [WithDeletedJobs]). Further assumptions, each of them the stricter reading:
//
//   - An update of a project replaces it, as the documents say of jobs and environments, and "state": 2 deletes it.
//   - The failure details of a run that did not fail are a 400.
//   - A bulk creation makes each variable on its own; its 400 lists every one of them, and those that could be made are there.
//   - A bulk update changes values by their ids and adds values by the names of environments. With strict writes the name of an environment
//     that has a value is a failure; with lenient ones it stands for the id.
//   - A bulk deletion takes the values of jobs and users too.
//   - A person's view shows the values of the project's development environment. Any number is a user.
//
// The account is always the only one, and users, connections, repositories, notifications and webhooks do not exist: a project shows
// the repository that a test has given it ([Server.EditProject]).
//
// # Trouble
//
// Lists that lag behind ([WithListLag]), runs that cannot be read yet ([WithReadLag]), fields and values of tomorrow ([WithNoise]),
// and for any request a [Fault]: an error status, a page of HTML, a rate limit, an answer that is lost after the work was done, one that
// is slow, cut short or empty. Every random choice follows [WithSeed]. Of requests that run at the same time the order is not the seed's.
//
// # Looking
//
// [Server.Runs], [Server.Jobs], [Server.Projects], [Server.Environments] and [Server.EnvironmentVariables] tell what is,
// [Server.History] what happened to jobs and runs, and [Server.Requests] what was asked.
package dbtcloudtest
