namespace MLNet.Gpt.Formats.Importing;

/// <summary>Files that are closed again unless the model that they make is kept.</summary>
internal sealed class OpenFiles : IDisposable
{
    private List<IDisposable> _files = [];

    /// <summary>Takes charge of a file.</summary>
    public TFile Add<TFile>(TFile file)
        where TFile : IDisposable
    {
        _files.Add(file);
        return file;
    }

    /// <summary>Whether a file of a type is among them.</summary>
    public bool Contains<TFile>() => _files.OfType<TFile>().Any();

    /// <summary>Hands the files on: whoever takes them closes them.</summary>
    public IReadOnlyList<IDisposable> Release()
    {
        var files = _files;
        _files = [];
        return files;
    }

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }
}
