package main

import (
	"github.com/slimci/dbtcloud"
	"github.com/spf13/pflag"
)

// pullRequestFlags name a pull request: one flag for each kind of git host.
type pullRequestFlags struct {
	github, gitlab, azure, other number
}

func (f *pullRequestFlags) add(fs *pflag.FlagSet) {
	for _, n := range []*number{&f.github, &f.gitlab, &f.azure, &f.other} {
		n.min = 1
	}
	fs.Var(&f.github, "github-pull-request", "number of the GitHub pull request")
	fs.Var(&f.gitlab, "gitlab-merge-request", "IID of the GitLab merge request")
	fs.Var(&f.azure, "azure-pull-request", "id of the Azure DevOps pull request")
	fs.Var(&f.other, "pull-request", "number of a pull request on any other git host")
}

func pullRequestNames() []string {
	return []string{"--github-pull-request", "--gitlab-merge-request", "--azure-pull-request", "--pull-request"}
}

// given is the pull request that a flag names; the zero value if none does.
func (f *pullRequestFlags) given() (dbtcloud.PullRequest, error) {
	var pr dbtcloud.PullRequest
	var options []option
	for i, of := range []dbtcloud.PullRequest{
		{Host: dbtcloud.GitHub, Number: f.github.value}, {Host: dbtcloud.GitLab, Number: f.gitlab.value},
		{Host: dbtcloud.AzureRepos, Number: f.azure.value}, {Host: dbtcloud.OtherHost, Number: f.other.value},
	} {
		options = append(options, option{pullRequestNames()[i], of.Number > 0})
		if of.Number > 0 {
			pr = of
		}
	}
	_, err := atMostOne(options...)
	return pr, err
}
