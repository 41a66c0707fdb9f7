// Package doors holds one test: who may import whom. A package that wants another door needs a decision first, then a
// line in that test.
package doors
