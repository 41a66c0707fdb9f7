// Package dbtcloudtest is a fake dbt Cloud that runs inside a test: stateful, in memory, without a network or an account.
// It serves the part of the Administrative API that tools around jobs and runs need, and it schedules, queues, runs,
// cancels and forgets runs as the service does.
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
//
// Request bodies are checked as strictly as the official document allows ([WithWrites]); query parameters that an operation does not
// have are ignored, as the service ignores them, and recorded in [Request].
//
// Where nobody has recorded what the service does, an option chooses, and its text says so: what a full queue or a deactivated
// job answers ([WithRefusal]), and the deletion of a job ([WithDeletes], [WithDeletedJobs]). The account is always
// the only one, and users, connections, notifications and webhooks do not exist.
//
// # Trouble
//
// Lists that lag behind ([WithListLag]), runs that cannot be read yet ([WithReadLag]), fields and values of tomorrow ([WithNoise]),
// and for any request a [Fault]: an error status, a page of HTML, a rate limit, an answer that is lost after the work was done, one that
// is slow, cut short or empty. Every random choice follows [WithSeed]. Of requests that run at the same time the order is not the seed's.
//
// # Looking
//
// [Server.Runs], [Server.Jobs], [Server.History] and [Server.Requests] tell what is, what happened and what was asked.
package dbtcloudtest
