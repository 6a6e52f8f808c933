namespace MLNet.Gpt.Formats.Importing;

/// <summary>The files that a model reads from, which are closed with it.</summary>
internal sealed class OpenFiles : IDisposable
{
    private readonly List<IDisposable> _files = [];

    /// <summary>Takes ownership of a file.</summary>
    public TFile Add<TFile>(TFile file)
        where TFile : IDisposable
    {
        _files.Add(file);
        return file;
    }

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }
}
