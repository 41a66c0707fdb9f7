// Package parity holds tests alone: package manifest and real dbt compare the same projects, edit by edit, and must select
// the same resources.
//
// The project is testdata/project. dbt-core and dbt-duckdb are those of testdata, each in a virtual environment that
// `bash .ci/run dbt` makes; no warehouse is asked. The tests install nothing and skip without them.
package parity
