package wfformat

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCategory(t *testing.T) {
	for _, c := range []struct {
		name string
		task rawTask
		want string
	}{
		{"Pegasus", rawTask{id: "mProject_ID0000001", name: "mProject_ID0000001", program: "mProject"}, "mProject"},
		{"Pegasus with its input in the name", rawTask{id: "map_map_080603_s_1_ID07", name: "map_map_080603_s_1_ID07", program: "map"}, "map"},
		{"Pegasus without a program", rawTask{id: "mProject_ID0000001", name: "mProject_ID0000001"}, "mProject"},
		{"Makeflow", rawTask{id: "blastall_00000002", name: "blastall_00000002"}, "blastall"},
		{"Nextflow", rawTask{id: "A.B.FASTQC_3", name: "A.B.FASTQC", program: "printf x\n"}, "A.B.FASTQC"},
		{"Nextflow with a plain program", rawTask{id: "A.GUNZIP_12", name: "A.GUNZIP", program: "gunzip"}, "A.GUNZIP"},
		{"Nextflow with a sample", rawTask{id: "x", name: "NF:RNASEQ:FASTQC (WT_REP1)", program: "a script"}, "NF:RNASEQ:FASTQC"},
		{"a category", rawTask{id: "a", name: "a_1", category: "cut", program: "p"}, "cut"},
		{"a program with its folder", rawTask{id: "a", name: "a", program: "/opt/bin/bowtie2-build"}, "bowtie2-build"},
		{"a folder as program", rawTask{id: "t_1", name: "t_1", program: "/"}, "t"},
		{"a digit that belongs to the name", rawTask{id: "bowtie2", name: "bowtie2"}, "bowtie2"},
		{"only one number goes", rawTask{id: "chr_21_7", name: "chr_21_7"}, "chr_21"},
		{"a name that is all number", rawTask{id: "_7", name: "_7"}, "_7"},
		{"a name that is all sample", rawTask{id: "x", name: "(a)"}, "(a)"},
		{"no name", rawTask{id: "x"}, "task"},
		{"control characters", rawTask{id: "x", name: "a\nb\x00"}, "a_b_"},
		{"a long name", rawTask{id: "x", name: strings.Repeat("é", 200)}, strings.Repeat("é", 100)},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, categoryOf(&c.task)) })
	}
}

// TestCategoriesOfTheCollection checks that the real names give only a few functions.
func TestCategoriesOfTheCollection(t *testing.T) {
	want := map[string]int{
		"1000genome-chameleon-10ch-100k-001": 5, "blast-chameleon-small-001": 4, "bwa-chameleon-small-001": 5,
		"epigenomics-chameleon-ilmn-3seq-100k-001": 8, "helloworld-chain-5-chameleon": 1, "helloworld-forkjoin-10-chameleon": 1,
		"methylseq-dirt02-001": 16, "montage-chameleon-2mass-005d-001": 8, "montage-chameleon-dss-15d-001": 8,
		"rnaseq-dirt02-001": 62, "sarek-dirt02-001": 26, "seismology-chameleon-300p-001": 2,
		"soykb-chameleon-10fastq-10ch-001": 14, "srasearch-chameleon-10a-002": 4, "viralrecon-dirt02-001": 81,
	}
	for _, name := range collection(t) {
		categories := map[string]bool{}
		for _, task := range parseFile(t, name).Tasks {
			categories[task.Category] = true
		}
		short := strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".json")
		require.Len(t, categories, want[short], short)
	}
}

func TestReadTime(t *testing.T) {
	want := time.Date(2020, 12, 20, 2, 9, 8, 0, time.UTC)
	for _, s := range []string{
		"2020-12-20T02:09:08Z", "2020-12-19T16:09:08-10:00", "2020-12-20T02:09:08", "2020-12-20T02:09:08+0000",
		"2020-12-20 02:09:08", "2020-12-20 04:09:08+02:00", "20201220T020908+0000", "20201219T180908-0800", "20201220T020908",
		"12-20-20T02:09:08Z",
	} {
		require.Equal(t, want, readTime(s), s)
	}
	require.Equal(t, want.Add(123456*time.Microsecond), readTime("2020-12-20T02:09:08.123456"))
	for _, s := range []string{"", "soon", "1969-12-31T23:59:59Z", "20-12-20T02:09:08Z"} {
		require.True(t, readTime(s).IsZero(), s)
	}
}
