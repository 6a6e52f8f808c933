using System.Reflection;
using Microsoft.ML;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>ML.NET's own description of a schema's shape, which is internal.</summary>
internal static class SchemaShapes
{
    private static readonly MethodInfo Create = typeof(SchemaShape).GetMethod("Create", BindingFlags.NonPublic | BindingFlags.Static)
        ?? throw new InvalidOperationException("This version of Microsoft.ML has no SchemaShape.Create.");

    public static SchemaShape Of(DataViewSchema schema) => (SchemaShape)Create.Invoke(null, [schema])!;

    public static string Describe(SchemaShape.Column column) =>
        $"{column.Name}: {column.Kind} of {column.ItemType}, key {column.IsKey}, "
        + $"annotations {string.Join(",", column.Annotations.Select(each => each.Name).Order())}";
}
