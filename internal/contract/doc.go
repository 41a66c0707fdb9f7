// Package contract holds tests only: the SDK against the official documents of the dbt Cloud API.
package contract
