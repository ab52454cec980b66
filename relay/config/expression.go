package config

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// evaluate gives the value of an expression, or what is wrong with it.
//
// Values are literals, lists, maps, texts with ${…} in them, and calls of the
// functions. The rest of HCL's expressions (arithmetic, conditions, loops) is
// refused: there are no variables that would make them useful, and so neither
// time nor memory nor the messages depend on what they might do.
func evaluate(expr hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, *hcl.Diagnostic) {
	if diag := plain(expr); diag != nil {
		return cty.NilVal, diag
	}
	value, diags := expr.Value(ctx)
	for _, diag := range diags {
		if diag.Severity == hcl.DiagError {
			return cty.NilVal, restate(diag)
		}
	}
	return value, nil
}

// plain finds the first part of expr that evaluate does not take.
func plain(expr hclsyntax.Expression) *hcl.Diagnostic {
	diags := hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		refuse := func(what string) hcl.Diagnostics {
			return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: what, Subject: node.Range().Ptr()}}
		}
		switch n := node.(type) {
		case *hclsyntax.ObjectConsKeyExpr:
			if n.ForceNonLiteral {
				return refuse("the keys of a map are plain names; write them in quotes")
			}
		case *hclsyntax.ScopeTraversalExpr:
			// The bare name that is the key of a map is not visited.
			if len(n.Traversal) > 1 {
				return refuse("the value is not in quotes")
			}
			return refuse(fmt.Sprintf("%s is not in quotes; write %[1]q", n.Traversal.RootName()))
		case *hclsyntax.LiteralValueExpr:
			if tooLarge(n.Val) {
				return refuse("the number is too large")
			}
		case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr, *hclsyntax.TupleConsExpr,
			*hclsyntax.ObjectConsExpr, *hclsyntax.ParenthesesExpr, *hclsyntax.FunctionCallExpr, *hclsyntax.UnaryOpExpr:
		default:
			return refuse("this is no plain value; write a text in quotes, a number, true or false, a list, or env(…), file(…), credential(…)")
		}
		return nil
	})
	if len(diags) == 0 {
		return nil
	}
	return diags[0]
}

// tooLarge finds numbers like 1e999999999, which would be a gigabyte of text.
func tooLarge(v cty.Value) bool {
	if v.IsNull() || v.Type() != cty.Number {
		return false
	}
	n := v.AsBigFloat()
	return n.IsInf() || new(big.Float).Abs(n).Cmp(big.NewFloat(1e30)) > 0
}

// restate puts a diagnostic of the library into one line: the error of the
// function where one failed, else the library's sentence. Neither can hold a
// secret: the functions see to it themselves, and the library sees plain
// expressions only, whose values it does not print.
func restate(diag *hcl.Diagnostic) *hcl.Diagnostic {
	summary := diag.Detail
	if summary == "" {
		summary = diag.Summary
	}
	if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](diag); ok && call.FunctionCallError() != nil {
		summary = call.FunctionCallError().Error()
	}
	summary = strings.Join(strings.Fields(summary), " ")
	return &hcl.Diagnostic{Severity: diag.Severity, Summary: summary, Subject: diag.Subject}
}
