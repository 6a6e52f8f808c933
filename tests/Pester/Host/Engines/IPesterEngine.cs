namespace MLNet.Gpt.PesterHost.Engines;

/// <summary>Something that runs Pester files.</summary>
internal interface IPesterEngine
{
    /// <summary>What runs the files, in words.</summary>
    string Description { get; }

    /// <summary>The tests of a file, in the order of the file, by their shown paths; runs none of them.</summary>
    /// <exception cref="PesterDiscoveryException">The body of the file failed.</exception>
    IReadOnlyList<string> Discover(string file);

    /// <summary>Runs a file: one outcome for each test that <see cref="Discover"/> finds, in its order.</summary>
    /// <exception cref="PesterDiscoveryException">The body of the file failed.</exception>
    IReadOnlyList<PesterOutcome> Run(string file);
}
