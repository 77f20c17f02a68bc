package app

import (
	"log/slog"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/pipeline"
)

// foldersFlags select folders of pipelines.
type foldersFlags struct {
	Workflows []string `sep:"none" placeholder:"DIR" help:"Offer the pipelines in this folder, its files *.yaml and *.yml, in addition to the workflows of this program. Can be repeated."`
}

// open reads the folders; nil if none are given. A folder that cannot be read is a mistake on the command line.
func (f foldersFlags) open(s *session, log *slog.Logger) (*pipeline.Folders, error) {
	if len(f.Workflows) == 0 {
		return nil, nil
	}
	folders, err := pipeline.NewFolders(pipeline.FoldersConfig{Dirs: f.Workflows, Runner: s.code, Reserved: namesOf(s.workflows), Log: log})
	if err != nil {
		return nil, usage("--workflows: expected a folder that can be read: %w", err)
	}
	return folders, nil
}

func namesOf(workflows []*engine.Workflow) []string {
	names := make([]string, len(workflows))
	for i, w := range workflows {
		names[i] = w.Name
	}
	return names
}

// schemaCommand prints the schema of a format.
type schemaCommand struct {
	Format string `arg:"" enum:"pipeline" help:"Which format: pipeline."`
}

// Help is printed below the flags.
func (c *schemaCommand) Help() string {
	return "Editors check and complete files with it. In the first line of a pipeline: # yaml-language-server: $schema=FILE"
}

// Run prints the schema.
func (c *schemaCommand) Run(s *session) error {
	_, err := s.stdout.Write(pipeline.Schema())
	return err
}
