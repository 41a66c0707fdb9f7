// Package dbtcloudtest is a fake dbt Cloud that runs inside a test: stateful, in memory, without a network or an account.
// It serves every operation of the Administrative API on accounts, projects, environments, environment variables, jobs and runs, in both
// versions, and it schedules, queues, runs, cancels and forgets runs as the service does. It answers GraphQL as the Discovery API does, over
// those jobs and runs and over the nodes of a dbt project that a test hands over.
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
//   - Logs are cut to their last 1,000 lines where debug_logs are not asked for, as is documented of debug logs.
//   - A person's view shows the values of the project's development environment. Any number is a user.
//
// The account is always the only one, and users, connections, repositories, notifications and webhooks do not exist: a project shows
// the repository that a test has given it ([Server.EditProject]).
//
// # The Discovery API
//
// POST /graphql has the schema of the service, POST /beta/graphql what was seen on its beta endpoint besides; a client of any host reaches
// them through [Server.Transport]. [Server.AddNodes] hands nodes over, [ParseNodes] reads them from JSON, and edges, tests, lineage, counts,
// owners, packages and tags follow. [Server.SetDiscovery] hands over what follows from no node, such as performance and recommendations.
//
// Like the service: what the schema refuses is a 400 with the place of the mistake, and so are variables that do not fit; a BigInt may
// come as a number or a text. An unknown environment is an error in a 200. Pages of a connection have at most 500 nodes, those of a job's lists 100,
// and there every node carries its cursor; a list of a job without first is whole. An environment in which nothing ever ran, and that was given no
// nodes, has no states. A job shows the nodes of its environment as a run has left them, and nothing until the run has ended
// ([WithMetadataLag]). Where a node says nothing of its execution, the latest finished run of the environment does.
//
// Assumed, since nobody has recorded it:
//
//   - Without first, a connection gives a page of 500. Nodes come in the order in which they were handed over. A page that is too large, and a
//     cursor that was not given out, are errors with the code BAD_USER_INPUT in a 200.
//   - A filter by tags wants one of them, and an empty list in a filter finds nothing. Filters tell cases apart; only searches do not.
//   - Children include tests. Ancestors come nearest first. Public parents are public models and those of other projects.
//   - Resource counts go by dbt's names of the kinds. The project's name is the package of the first model.
//   - An unknown job, and a run that is not the job's, are null. A run whose metadata is not there yet has empty lists.
//   - Every permission set may read, and an unpaid account is refused like a wrong token. [WithNoise] changes nothing here.
//   - The schema has names for the types of the beta parts that are not those of the service, all beginning with X_.
//
// Not served: introspection, the deprecated fields of the root, and dbt's selection syntax in filters of lineage. The complexity of a document
// ([WithComplexityLimit]) is this fake's own measure. Whatever the limit, a document has at most 10,000 tokens, and an answer that is too
// large, or takes too much work, is an error.
//
// # Trouble
//
// Lists that lag behind ([WithListLag]), runs that cannot be read yet ([WithReadLag]), fields and values of tomorrow ([WithNoise]),
// and for any request a [Fault]: an error status, a page of HTML, a rate limit, an answer that is lost after the work was done, one that
// is slow, cut short or empty. The Discovery API has troubles of its own: errors with and without data, cursors that do not advance
// ([PartialData], [StuckCursor], [EmptyPage] and so on), a limit of requests ([WithDiscoveryRate]). Every random choice follows [WithSeed]. Of requests that run at the same time the order is not the seed's.
//
// # Looking
//
// [Server.Runs], [Server.Jobs], [Server.Projects], [Server.Environments] and [Server.EnvironmentVariables] tell what is,
// [Server.History] what happened to jobs and runs, and [Server.Requests] what was asked.
package dbtcloudtest
