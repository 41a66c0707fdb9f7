// Package dbtcloudtest is a fake dbt Cloud that runs inside a test: stateful, in memory, without a network or an account.
package dbtcloudtest
