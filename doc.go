// Package dbtcloud is a client for dbt Cloud (the dbt platform): accounts, projects,
// environments and their variables, jobs, runs, metadata, and [AutoscaleCI], which
// lets one Slim CI job serve many pull requests at the same time.
//
// A [Client] has one service per resource. Services speak the platform's own words:
// [JobsService.Trigger] starts a run, [RunsService.Wait] follows it to its end and
// turns a run that did not succeed into an error; [RunsService.WatchAll] follows
// thousands.
//
//	client, err := dbtcloud.New(dbtcloud.FromEnv())
//	run, err := client.Jobs.Trigger(ctx, jobID, dbtcloud.Trigger{Cause: "nightly"})
//	run, err = client.Runs.Wait(ctx, run.ID, dbtcloud.Poll{})
//
// Lists are iterators ([iter.Seq2]); they can be ranged over again, and
// [Collect] turns one into a slice. Filters and requests are plain values whose
// zero value means "everything" or "unchanged"; a comment beside a field of a request
// is what a create makes of its zero value, one beside a field of a filter the API's
// name of it.
//
// # Creating and updating
//
// Create asks for what a person must decide, and every other field has a default.
// Update reads the resource, applies what is set and writes all of it back, fields that
// this package does not know included, because the API replaces the whole resource: of
// two updates at the same time one is lost. Zero means "unchanged": what an update shall
// empty is named in the Clear of its request. Requests carry the API's names as JSON
// tags, so that they can be read from a file, too.
//
// Every resource keeps what was answered: its Raw has the fields that are newer than
// this package.
//
// # Environment variables
//
// A variable has a default for its project and other values for environments, jobs and
// users; see [EnvironmentVariablesService]. The service masks values of variables that
// begin with DBT_ENV_SECRET. No printing and no log shows the values of a request, and a
// value that was sent is taken out of a server's answer before it becomes an error, unless
// it is shorter than four bytes. What was answered shows no value with %v and %+v; %#v and
// JSON have them, masked where they are secret.
//
// # Testing
//
// Package dbtcloudtest is a fake to test your own programs against; the folder
// examples has programs to begin with.
//
// # What is repeated, and what is not
//
// GET, HEAD, PUT, DELETE, updating a resource, cancelling a run and GraphQL queries
// are repeated on 408, 500, 502, 503, 504 and on transient transport errors before
// the answer's headers, five attempts in all, with full jitter between 0.5 and 30
// seconds; Retry-After is respected. An answer that breaks off later is an error.
// Creating and triggering are repeated only if the request was never sent or was
// answered 429: any other doubt is an [UncertainError]. After a 429 nothing is sent to
// that API, five minutes unless the server says otherwise. A wait that would
// outlast the context fails at once. Bring no retries of your own: a retrying
// transport below this client repeats what must not be repeated.
//
// The Discovery API takes 500 requests a minute, a tenth of what the other takes, and has
// a pause of its own: neither holds the other up. Before every attempt the client waits
// for its turn, 450 a minute unless [WithMetadataRate] says otherwise. An answer 200 that
// only says that the rate limit is exceeded counts as the 429 that it means.
//
// # Errors
//
// An answer that is not a success is an [*Error]; errors.Is with [ErrNotFound],
// [ErrUnauthorized] and the other sentinels sorts them. The errors of a GraphQL answer
// are a [*GraphQLError], whatever its status, with the data that came beside them. What
// cannot be right is refused before any request, as [ErrInvalid]. An answer that is no JSON, lacks its
// data or its id, or is larger than 64 MiB is an [*Error] too. Tokens, request
// bodies and query strings never appear in an error, a log line or %+v. Should a
// server say them again, tokens are taken out of its words, which otherwise stand as
// they came.
package dbtcloud
