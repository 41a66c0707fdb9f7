// Package contract holds tests only: the SDK against the official documents of the dbt Cloud API, and against the
// reference schema of the Discovery API, from which it generates the schema of internal/discovery.
package contract
