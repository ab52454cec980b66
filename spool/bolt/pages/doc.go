// Package pages reads a bbolt file page by page and believes nothing that it
// reads: whatever the bytes are, it neither panics nor reads outside of the
// file, its memory is bounded by the largest page, and each damaged page or
// entry is told and passed over. What it gives of a tree is in the order of the
// keys, whatever the damage.
//
// The layout is that of go.etcd.io/bbolt, internal/common: a file of pages of
// one size, little-endian; pages 0 and 1 are metas, of which the valid one with
// the higher transaction id counts; from its root a B+tree of named buckets,
// each a B+tree, the small ones inside of the leaf that names them. A page that
// is longer than one is told by its overflow.
package pages
