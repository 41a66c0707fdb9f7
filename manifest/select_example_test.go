package manifest_test

import (
	"fmt"
	"log"
	"os"

	"github.com/slimci/dbtcloud/manifest"
)

// What a pull request changes is what `dbt build --select state:modified+ --state DIRECTORY` would build.
func ExampleManifest_Select() {
	read := func(path string) *manifest.Manifest {
		file, err := os.Open(path)
		if err != nil {
			log.Fatal(err)
		}
		defer file.Close()
		m, err := manifest.Read(file)
		if err != nil {
			log.Fatal(err)
		}
		return m
	}
	deployed, current := read("deployed/manifest.json"), read("target/manifest.json.gz")
	state, err := manifest.Compare(deployed, current, manifest.Core112())
	if err != nil {
		log.Fatal(err)
	}
	selection, err := current.Select(manifest.Query{Select: []string{"state:modified+"}, Exclude: []string{"tag:nightly"}, Command: manifest.Build, State: state})
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range selection.IDs {
		fmt.Println(id)
	}
}
