// Package slim is Slim CI/CD wherever dbt runs: a deploy publishes what dbt left behind, and whatever comes later compares
// itself with the right one of those deploys.
//
// A [Store] keeps the artifacts: any place that can put, get, list and delete objects. [Directory] is one of files.
package slim
