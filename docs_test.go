package dbtcloud_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exported are the exported names of the package: of its scope, and all others, which
// are those of methods and fields.
func exported(t *testing.T) (scope, members map[string]bool) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	scope, members = map[string]bool{}, map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				members[f.Name.Name] = true
			} else if ok {
				scope[f.Name.Name] = true
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				return false
			case *ast.TypeSpec:
				scope[n.Name.Name] = true
			case *ast.ValueSpec:
				for _, name := range n.Names {
					scope[name.Name] = true
				}
			case *ast.Field:
				for _, name := range n.Names {
					members[name.Name] = true
				}
			}
			return true
		})
	}
	return scope, members
}

// TestMetadataPage: the Go code of docs/metadata.md is Go, and every name of the package
// on the page exists.
func TestMetadataPage(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("docs/metadata.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	scope, members := exported(t)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 5 {
		t.Fatalf("the page has %d blocks of Go", len(blocks))
	}
	for _, block := range blocks {
		code := strings.ReplaceAll(block[1], "...\n", "\n")
		if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() error {\n"+code+"}", parser.SkipObjectResolution); err != nil {
			t.Errorf("%v in\n%s", err, code)
		}
	}
	for _, name := range regexp.MustCompile(`\bdbtcloud\.([A-Z]\w*)`).FindAllStringSubmatch(page, -1) {
		if !scope[name[1]] {
			t.Errorf("there is no dbtcloud.%s", name[1])
		}
	}
	for _, name := range regexp.MustCompile(`[a-z)]\.([A-Z]\w*)\(`).FindAllStringSubmatch(page, -1) {
		if !members[name[1]] && !scope[name[1]] && name[1] != "Println" {
			t.Errorf("there is no method %s", name[1])
		}
	}
	// Names in running text and tables, but for words of GraphQL and of shells.
	for _, name := range regexp.MustCompile("`[*]?([A-Z][a-z]\\w*)").FindAllStringSubmatch(page, -1) {
		if !scope[name[1]] && !members[name[1]] && name[1] != "LineageNodeWithParents" {
			t.Errorf("the page speaks of %s, which does not exist", name[1])
		}
	}
}
