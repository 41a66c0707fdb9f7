// Package feedback puts the digest of a run, which package report makes, where people look for it: into the log and on
// the page of the pipeline, into files that the CI provider collects, and onto the commit and the pull request.
//
// All of a digest is text of others: of a warehouse, a branch, a model. None of it becomes a command of a CI provider.
package feedback
