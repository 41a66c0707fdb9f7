package feedback_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/report"
)

func ExamplePlaces_Publish() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d := report.New(report.Inputs{Run: &dbtcloud.Run{ID: 77, Status: dbtcloud.RunError, StatusMessage: "dbt found errors"}})
	places := feedback.Places{ // in a pipeline: feedback.Places{}
		Getenv: func(name string) string { return filepath.Join(dir, name) },
		Log:    os.Stdout,
	}
	if err := places.Publish(context.Background(), dbtcloud.GitHubActions, "0123456789abcdef0123456789abcdef01234567", d); err != nil {
		fmt.Println(err)
	}
	outputs, _ := os.ReadFile(filepath.Join(dir, "GITHUB_OUTPUT"))
	fmt.Printf("%s", outputs)
	// Output:
	// ::error title=dbt run run::dbt found errors
	// run_id=77
	// run_url=
	// status=error
}

func ExampleFiles_Write() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d := report.New(report.Inputs{Run: &dbtcloud.Run{ID: 77, Status: dbtcloud.RunSuccess}})
	files := feedback.Files{JUnit: filepath.Join(dir, "reports", "dbt.xml"), Markdown: filepath.Join(dir, "reports", "dbt.md")}
	if err := files.Write(d); err != nil {
		fmt.Println(err)
	}
	written, _ := filepath.Glob(filepath.Join(dir, "reports", "*"))
	for _, name := range written {
		fmt.Println(filepath.Base(name))
	}
	// Output:
	// dbt.md
	// dbt.xml
}
