package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

const metadataQueryHelp = `Send a GraphQL query to the Discovery API and print the data of the answer, over several
lines, or with --output json on one. The query comes from --query, from --file or from
standard input.

--var gives a variable the type that the query declares for it; of one that is a list
it adds an item, or with [...] all of them. --variables has all variables as one JSON
object; --var wins over it.

--all follows the list that its path leads to, page after page, and prints each of its
items on a line of its own, as it comes. The list must take a variable as its argument
after, and select pageInfo { endCursor hasNextPage } or, in a job, the paginationCursor
of its items. The argument first may be a variable too; without a value it is the most
that the API gives.

Data that comes beside errors is printed, and the exit status is that of the errors.`

const metadataQueryExample = `  dbtcloud metadata query --query '{ environment(id: 22) { dbtProjectName adapterType } }'
  dbtcloud metadata query --file models.graphql --var environmentId=22 --all environment.applied.models | jq -r .name
  dbtcloud metadata query --beta --variables @variables.json <lineage.graphql`

// queryFlags holds the flags of metadata query.
type queryFlags struct {
	query, file, all, variables text
	vars                        assignments
	beta                        bool
}

func (a app) metadataQuery(g *global) *cobra.Command {
	f := new(queryFlags)
	cmd := command("query", "Send a GraphQL query", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		query, problem := f.document(ctx, a)
		vars, err := f.values(ctx, a, query)
		client, err := a.client(cmd, g, problem, err)
		if err != nil {
			return err
		}
		ask := f.asker(client.Metadata)
		if f.all.value != "" {
			return goneReader(a.lines(ask.QueryAll(ctx, query, vars, f.all.value)))
		}
		var data json.RawMessage
		err = ask.Query(ctx, query, vars, &data)
		return a.answer(g, data, err)
	})
	cmd.Long, cmd.Example, cmd.Args = metadataQueryHelp, metadataQueryExample, noArgs
	cmd.Flags().SortFlags = false
	cmd.Flags().Var(&f.query, "query", "the query")
	cmd.Flags().VarP(&f.file, "file", "f", "the `file` that has the query, or - for standard input")
	cmd.Flags().Var(&f.vars, "var", "a variable of the query, as name=value; can be given again")
	cmd.Flags().Var(&f.variables, "variables", "the variables, as a JSON object, or @ and the name of a file that has it")
	cmd.Flags().Var(&f.all, "all", "follow this list, such as environment.applied.models, and print each item on a line")
	yes(cmd.Flags(), &f.beta, "beta", "ask the beta endpoint, which has more and may change")
	return cmd
}

// document is the text of the query.
func (f *queryFlags) document(ctx context.Context, a app) (string, error) {
	if _, err := atMostOne(option{"--query", f.query.value != ""}, option{"--file", f.file.value != ""}); err != nil {
		return "", err
	}
	from, what := f.file.value, "--file"
	switch stdin, isFile := a.stdin.(*os.File); {
	case f.query.value != "":
		return f.query.value, nil
	case from == "" && (a.stdin == nil || isFile && term.IsTerminal(int(stdin.Fd()))):
		return "", errors.New("--query or --file: is missing: give one of them, or the query on standard input")
	case from == "" || from == "-":
		from, what = "-", "standard input"
	}
	b, err := a.readFile(ctx, from)
	text := strings.TrimPrefix(string(b), byteOrderMark)
	if err == nil && strings.TrimSpace(text) == "" {
		err = errors.New("is empty: it must have the query")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return text, nil
}

// values are the variables: those of --variables, and those of --var.
func (f *queryFlags) values(ctx context.Context, a app, query string) (map[string]any, error) {
	text, vars := f.variables.value, map[string]any{}
	if name, isFile := strings.CutPrefix(text, "@"); isFile {
		if name == "-" && (f.query.value == "" && f.file.value == "" || f.file.value == "-") {
			return nil, errors.New("--variables: standard input has the query already: put the variables into a file")
		}
		if name == "" {
			return nil, errors.New("--variables: @ must be followed by the name of a file")
		}
		b, err := a.readFile(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("--variables: %w", err)
		}
		text = strings.TrimPrefix(string(b), byteOrderMark)
	}
	if f.variables.value != "" {
		err := eachField(text, `{"environmentId":22}`, func(name string, value json.RawMessage) error {
			vars[name] = value
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("--variables: %w", err)
		}
	}
	return vars, f.vars.into(vars, query)
}

// asker is an endpoint of the Discovery API.
type asker interface {
	Query(ctx context.Context, query string, variables map[string]any, out any) error
	QueryAll(ctx context.Context, query string, variables map[string]any, connection string) iter.Seq2[*json.RawMessage, error]
}

func (f *queryFlags) asker(m *dbtcloud.MetadataService) asker {
	if f.beta {
		return m.Beta()
	}
	return stable{m}
}

// stable is the endpoint that is not beta.
type stable struct{ *dbtcloud.MetadataService }

// QueryAll follows a list and returns the JSON of its items.
func (s stable) QueryAll(ctx context.Context, query string, variables map[string]any, connection string) iter.Seq2[*json.RawMessage, error] {
	return dbtcloud.QueryAll[json.RawMessage](ctx, s.MetadataService, query, variables, connection)
}

// answer prints the data of an answer, also where errors came beside it.
func (a app) answer(g *global, data json.RawMessage, err error) error {
	if len(data) == 0 || err != nil && string(data) == "null" {
		return err
	}
	text, broken := indentedJSON(data)
	if broken != nil {
		return errors.Join(err, fmt.Errorf("writing the result: %w", broken))
	}
	return errors.Join(err, goneReader(a.emit(g, data, string(text))))
}

// lines prints the items of a list, each on a line.
func (a app) lines(list iter.Seq2[*json.RawMessage, error]) error {
	for item, err := range list {
		if err != nil {
			return err
		}
		line, err := plainJSON(item)
		if err != nil {
			return fmt.Errorf("writing the result: %w", err)
		}
		if _, err := a.stdout.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("writing the result to stdout: %w", err)
		}
	}
	return nil
}
