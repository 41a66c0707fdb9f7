// Package peers holds tests alone: command line programs for dbt Cloud that other people wrote drive dbtcloudtest over TLS,
// as they drive the service. What they trip over, dbtcloudtest does differently.
//
// The programs are dbtc and dbt-cloud-cli, in the versions of testdata, each in a virtual environment that
// `bash .ci/run peers` makes. The tests install nothing and skip without them.
package peers
