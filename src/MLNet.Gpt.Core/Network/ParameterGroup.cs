namespace MLNet.Gpt.Network;

/// <summary>Weights that lie side by side and are worked on as one: query, key and value, or a weight alone. Vectors are rows.</summary>
/// <param name="Offset">Numbers before it.</param>
/// <param name="Rows">Rows of all its weights.</param>
/// <param name="Columns">Numbers in a row.</param>
/// <param name="IsFrozen">Whether all its weights stay as they are.</param>
internal readonly record struct ParameterGroup(long Offset, int Rows, int Columns, bool IsFrozen)
{
    /// <summary>Stands for weights that the model does not have.</summary>
    public static ParameterGroup None => new(-1, 0, 0, true);
}
