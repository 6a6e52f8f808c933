namespace MLNet.Gpt.Generation.Sampling;

/// <summary>A token with its unnormalized probability. The heavier comes first, of equal ones the lower id: a total order.</summary>
internal readonly record struct WeightedToken(int Id, double Weight) : IComparable<WeightedToken>
{
    public int CompareTo(WeightedToken other) =>
        Weight > other.Weight ? -1 : Weight < other.Weight ? 1 : Id.CompareTo(other.Id);
}
