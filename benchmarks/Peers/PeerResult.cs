namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>What one library achieved at one precision.</summary>
/// <param name="Work">The heading of the column.</param>
/// <param name="Name">The library and its precision.</param>
/// <param name="Bits">Bits per weight.</param>
/// <param name="Median">The median of the rounds, in the unit of the heading.</param>
/// <param name="Least">The least of the rounds.</param>
/// <param name="Greatest">The greatest of the rounds.</param>
/// <param name="TimesBestPeer">Of ours, how many times as good as the best peer at as many bits; above 1 is better.</param>
/// <param name="OfLimit">Of ours, the fraction of what the machine's limits allow.</param>
internal sealed record PeerResult(
    string Work, string Name, int Bits, double Median, double Least, double Greatest,
    double? TimesBestPeer = null, double? OfLimit = null);
