package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nodeList is a list of what the environment has of a kind.
type nodeList struct {
	kind    string      // what one is called
	columns [][2]string // of a table: head, and path of the field
	// filter defines the flags that say which are listed, and returns what reads them.
	filter func(fs *pflag.FlagSet) func() dbtcloud.Filter
	byName bool // they can be listed by name
}

// nodeFlags holds the flags that every list of nodes has.
type nodeFlags struct {
	environmentPlace
	fields        []string
	unknownFields bool
	name          text
	limit         number
	pageSize      number
}

const nodesHelp = `List the %[1]ss of an environment, as they were last built.

--fields says which fields come back, by their paths in the schema of the Discovery API,
such as name or executionInfo.lastRunStatus; they are the columns of the table. The path
of an object stands for its plain values. With --output json the result is one array of
the API's own objects, which have what was asked for and always the uniqueId; without
--fields the plain values, but neither code nor configuration.`

func (a app) metadataNodes(g *global, l nodeList) *cobra.Command {
	f := &nodeFlags{limit: number{min: 1}, pageSize: number{min: 1}}
	var filter func() dbtcloud.Filter
	cmd := command(l.kind+"s", "List the "+l.kind+"s of an environment", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		options := f.options(l, g)
		s, err := f.find(ctx, a, cmd, g, func(m *dbtcloud.MetadataService) error {
			return refusal(func(ctx context.Context) iter.Seq2[*json.RawMessage, error] {
				return dbtcloud.Select[json.RawMessage](ctx, m, 1, filter(), options...)
			})
		})
		if err != nil {
			return err
		}
		items, err := f.list(ctx, a, s, filter(), options)
		if partial, ok := errors.AsType[*dbtcloud.GraphQLError](err); err != nil && (!ok || len(partial.Data) == 0) {
			return err
		}
		return errors.Join(err, a.showNodes(g, l, f.fields, items))
	})
	cmd.Long, cmd.Args = fmt.Sprintf(nodesHelp, l.kind), noArgs
	cmd.Flags().SortFlags = false
	f.add(cmd)
	if l.byName {
		cmd.Flags().Var(&f.name, "name", "only those with this name, which is not the alias")
	}
	filter = l.filter(cmd.Flags())
	someOf(cmd.Flags(), &f.fields, "fields", "which fields come back, such as name,executionInfo.lastRunStatus")
	yes(cmd.Flags(), &f.unknownFields, "unknown-fields", "also ask for fields that this program does not know, because the API has grown")
	cmd.Flags().Var(&f.limit, "limit", "only the first so many")
	cmd.Flags().Var(&f.pageSize, "page-size", "how many a request asks for (default 500, the most there can be)")
	return cmd
}

// options say which fields come back, and in which portions.
func (f *nodeFlags) options(l nodeList, g *global) []dbtcloud.QueryOption {
	var options []dbtcloud.QueryOption
	switch {
	case len(f.fields) > 0:
		options = append(options, dbtcloud.Fields(f.fields...))
	case g.output.value != "json":
		for _, c := range l.columns {
			options = append(options, dbtcloud.Fields(c[1]))
		}
	}
	if f.unknownFields {
		options = append(options, dbtcloud.UnknownFields())
	}
	if size := f.pageSize.value; size > 0 {
		options = append(options, dbtcloud.PageSize(int(size)))
	} else if f.limit.value > 0 {
		options = append(options, dbtcloud.PageSize(int(min(f.limit.value, 500))))
	}
	return options
}

// named is what is asked of a model to find it by its name.
type named struct {
	UniqueID string `json:"uniqueId"`
	Name     string `json:"name"`
}

// list asks for the nodes.
func (f *nodeFlags) list(ctx context.Context, a app, s scope, filter dbtcloud.Filter, options []dbtcloud.QueryOption) ([]json.RawMessage, error) {
	if models, ok := filter.(dbtcloud.ModelFilter); ok && f.name.value != "" {
		ids, err := a.modelsByName(ctx, s, models, f.name.value)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		models.UniqueIDs = ids
		filter = models
	}
	return take(dbtcloud.Select[json.RawMessage](ctx, s.client.Metadata, s.environment, filter, options...), int(f.limit.value))
}

// modelsByName finds the unique ids of the models of a name among those that the filter
// leaves: the API has no filter for names.
func (a app) modelsByName(ctx context.Context, s scope, filter dbtcloud.ModelFilter, name string) ([]string, error) {
	var ids, names []string
	for model, err := range dbtcloud.Select[named](ctx, s.client.Metadata, s.environment, filter) {
		if err != nil {
			return nil, err
		}
		if names = append(names, model.Name); model.Name == name {
			ids = append(ids, model.UniqueID)
		}
	}
	if near := nearest(name, names); len(ids) == 0 && near != "" {
		a.tell(oneLine(fmt.Sprintf("no model is called %q: did you mean %q?", name, near)))
	}
	return ids, nil
}

// showNodes writes a table of the fields, or one array of the API's own objects.
func (a app) showNodes(g *global, l nodeList, fields []string, items []json.RawMessage) error {
	rows, err := fieldRows(fieldColumns(l.columns, fields), items)
	if err != nil {
		return fmt.Errorf("reading %s: %w", one(l.kind), err)
	}
	text := table(rows)
	if len(items) == 0 {
		a.tell("no " + l.kind + "s found")
		text = ""
	}
	return goneReader(a.emit(g, list(items), text))
}

// fieldColumns are the columns of a table: the usual ones, unless fields are named.
func fieldColumns(usual [][2]string, fields []string) [][2]string {
	if len(fields) == 0 {
		return usual
	}
	var columns [][2]string
	for _, path := range fields {
		columns = append(columns, [2]string{path, path})
	}
	return columns
}

// fieldRows are the rows of a table: the heads, and for each item what stands at the paths.
func fieldRows(columns [][2]string, items []json.RawMessage) ([][]string, error) {
	rows := make([][]string, 1, len(items)+1)
	for _, c := range columns {
		rows[0] = append(rows[0], c[0])
	}
	for _, item := range items {
		var node any
		d := json.NewDecoder(bytes.NewReader(item))
		d.UseNumber()
		if err := d.Decode(&node); err != nil {
			return nil, err
		}
		var row []string
		for _, c := range columns {
			row = append(row, cell(node, strings.Split(c[1], ".")))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// cell is what a table shows of the field at a path: of lists what each item has, of
// objects the JSON.
func cell(value any, path []string) string {
	switch v := value.(type) {
	case nil:
		return ""
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, cell(item, path))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		if len(path) > 0 {
			return cell(v[path[0]], path[1:])
		}
		text, _ := plainJSON(v) // it was decoded from JSON
		return string(text)
	}
	return fmt.Sprint(value)
}

// nodeLists are the kinds of nodes that can be listed.
func nodeLists() []nodeList {
	return []nodeList{modelList(), sourceList(), testList(), seedList(), snapshotList(), exposureList()}
}

// addNodes defines the flags that every kind of node has.
func addNodes(fs *pflag.FlagSet, uniqueIDs, tags *[]string) {
	someOf(fs, uniqueIDs, "unique-id", "only those with one of these unique ids, in upper and lower case as they are")
	someOf(fs, tags, "tag", "only those with one of these tags")
}

// addRelation defines the flags about the relation of a node in the warehouse.
func addRelation(fs *pflag.FlagSet, database, schema, identifier *string) {
	oneOf(fs, database, "database", "only those in this database, which is in lower case on Snowflake")
	oneOf(fs, schema, "schema", "only those in this schema")
	oneOf(fs, identifier, "identifier", "only those with this name in the warehouse, the alias")
}

func modelList() nodeList {
	return nodeList{
		kind: "model", byName: true,
		columns: [][2]string{
			{"NAME", "name"}, {"MATERIALIZED", "materializedType"}, {"SCHEMA", "schema"}, {"STATUS", "executionInfo.lastRunStatus"},
			{"BUILT", "executionInfo.executeCompletedAt"}, {"SECONDS", "executionInfo.executionTime"}, {"UNIQUE ID", "uniqueId"},
		},
		filter: func(fs *pflag.FlagSet) func() dbtcloud.Filter {
			var f dbtcloud.ModelFilter
			addNodes(fs, &f.UniqueIDs, &f.Tags)
			oneOf(fs, &f.LastRunStatus, "status", "only those whose last run ended so",
				dbtcloud.NodeSuccess, dbtcloud.NodeError, dbtcloud.NodeSkipped, dbtcloud.NodeReused, dbtcloud.NodeWarn)
			oneOf(fs, &f.PackageName, "package", "only those of this package")
			addRelation(fs, &f.Database, &f.Schema, &f.Identifier)
			oneOf(fs, &f.Access, "access", "only those with this access", dbtcloud.AccessPrivate, dbtcloud.AccessProtected, dbtcloud.AccessPublic)
			oneOf(fs, &f.Group, "group", "only those of this group")
			oneOf(fs, &f.ModelingLayer, "layer", "only those of this modeling layer, such as marts")
			oneOf(fs, &f.Sort.Field, "sort", "order by", dbtcloud.SortByExecuteCompletedAt, dbtcloud.SortByQueryUsageCount, dbtcloud.SortByRowCount, dbtcloud.SortByUniqueID)
			oneOf(fs, &f.Sort.Direction, "direction", "direction of --sort", dbtcloud.Ascending, dbtcloud.Descending)
			return func() dbtcloud.Filter { return f }
		},
	}
}

func sourceList() nodeList {
	return nodeList{
		kind: "source",
		columns: [][2]string{
			{"SOURCE", "sourceName"}, {"TABLE", "name"}, {"SCHEMA", "schema"}, {"FRESHNESS", "freshness.freshnessStatus"},
			{"LOADED", "freshness.maxLoadedAt"}, {"CHECKED", "freshness.snapshottedAt"}, {"UNIQUE ID", "uniqueId"},
		},
		filter: func(fs *pflag.FlagSet) func() dbtcloud.Filter {
			var f dbtcloud.SourceFilter
			addNodes(fs, &f.UniqueIDs, &f.Tags)
			someOf(fs, &f.SourceNames, "source-name", "only tables of one of these sources")
			oneOf(fs, &f.FreshnessStatus, "freshness", "only those whose last check found this",
				dbtcloud.FreshnessPass, dbtcloud.FreshnessWarn, dbtcloud.FreshnessError, dbtcloud.FreshnessSkipped,
				dbtcloud.FreshnessUnknown, dbtcloud.FreshnessOutdated, dbtcloud.FreshnessUnconfigured)
			perhaps(fs, &f.FreshnessChecked, "freshness-checked", "only those whose freshness was checked, or with =false the others")
			addRelation(fs, &f.Database, &f.Schema, &f.Identifier)
			return func() dbtcloud.Filter { return f }
		},
	}
}

func testList() nodeList {
	return nodeList{
		kind: "test",
		columns: [][2]string{
			{"NAME", "name"}, {"TYPE", "testType"}, {"COLUMN", "columnName"}, {"STATUS", "executionInfo.lastRunStatus"},
			{"FAILURES", "executionInfo.lastRunFailures"}, {"RUN", "executionInfo.executeCompletedAt"}, {"UNIQUE ID", "uniqueId"},
		},
		filter: func(fs *pflag.FlagSet) func() dbtcloud.Filter {
			var f dbtcloud.TestFilter
			addNodes(fs, &f.UniqueIDs, &f.Tags)
			oneOf(fs, (*dbtcloud.NodeStatus)(&f.Status), "status", "only those whose last run ended so",
				dbtcloud.NodePass, dbtcloud.NodeFail, dbtcloud.NodeWarn, dbtcloud.NodeError, dbtcloud.NodeSkipped, dbtcloud.NodeReused)
			someOf(fs, &f.LastKnownResults, "result", "only those that last found one of these, though a later run may have skipped them",
				dbtcloud.NodePass, dbtcloud.NodeFail, dbtcloud.NodeWarn, dbtcloud.NodeError, dbtcloud.NodeSkipped)
			someOf(fs, &f.TestTypes, "type", "only those of one of these types", dbtcloud.TestGeneric, dbtcloud.TestSingular, dbtcloud.TestUnit)
			return func() dbtcloud.Filter { return f }
		},
	}
}

// built are the columns of what is built as models are.
func built() [][2]string {
	return [][2]string{
		{"NAME", "name"}, {"SCHEMA", "schema"}, {"STATUS", "executionInfo.lastRunStatus"},
		{"BUILT", "executionInfo.executeCompletedAt"}, {"SECONDS", "executionInfo.executionTime"}, {"UNIQUE ID", "uniqueId"},
	}
}

func seedList() nodeList {
	return nodeList{kind: "seed", columns: built(), filter: func(fs *pflag.FlagSet) func() dbtcloud.Filter {
		var f dbtcloud.SeedFilter
		addNodes(fs, &f.UniqueIDs, &f.Tags)
		addRelation(fs, &f.Database, &f.Schema, &f.Identifier)
		return func() dbtcloud.Filter { return f }
	}}
}

func snapshotList() nodeList {
	return nodeList{kind: "snapshot", columns: built(), filter: func(fs *pflag.FlagSet) func() dbtcloud.Filter {
		var f dbtcloud.SnapshotFilter
		addNodes(fs, &f.UniqueIDs, &f.Tags)
		addRelation(fs, &f.Database, &f.Schema, &f.Identifier)
		return func() dbtcloud.Filter { return f }
	}}
}

func exposureList() nodeList {
	return nodeList{
		kind:    "exposure",
		columns: [][2]string{{"NAME", "name"}, {"TYPE", "exposureType"}, {"OWNER", "ownerName"}, {"MATURITY", "maturity"}, {"URL", "url"}, {"UNIQUE ID", "uniqueId"}},
		filter: func(fs *pflag.FlagSet) func() dbtcloud.Filter {
			var f dbtcloud.ExposureFilter
			addNodes(fs, &f.UniqueIDs, &f.Tags)
			oneOf(fs, &f.ExposureType, "type", "only those of this type, such as dashboard")
			return func() dbtcloud.Filter { return f }
		},
	}
}
