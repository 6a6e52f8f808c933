using System.Management.Automation;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that makes one file of all texts that it is given, which may be files larger than memory.</summary>
public abstract class TextProductCommand : TextInputCommand
{
    private string _destination = "";

    /// <summary>The file to make.</summary>
    [Parameter(Mandatory = true)]
    [Alias("OutFile")]
    public string DestinationPath { get; set; } = "";

    /// <summary>Replaces an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>The texts, or the paths of the files.</summary>
    private protected List<string> Texts { get; } = [];

    /// <summary>Whether <see cref="Texts"/> are the paths of files.</summary>
    private protected bool HasFiles => ParameterSetName != TextSet;

    /// <summary>The bar of the work.</summary>
    private protected ProgressBar Bar { get; private set; } = null!;

    /// <summary>What is done to how many texts, for -WhatIf and -Confirm.</summary>
    private protected abstract string Action { get; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        _destination = GetUnresolvedProviderPathFromPSPath(DestinationPath);
        Bar = new(this, $"Making {System.IO.Path.GetFileName(_destination)}");
        CheckParentFolder(_destination, DestinationPath);
        if (Directory.Exists(_destination))
        {
            Terminate(
                new IOException($"'{_destination}' is a folder; give the name of a file."), "PathIsFolder", ErrorCategory.InvalidArgument,
                DestinationPath);
        }

        if (File.Exists(_destination) && !Force)
        {
            Terminate(
                new IOException($"'{_destination}' already exists; use -Force to replace it."), "FileExists", ErrorCategory.ResourceExists,
                DestinationPath);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        Texts.AddRange(HasFiles ? ResolveFiles(isLiteral ? LiteralPath : Path, isLiteral) : Text);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Texts.Count == 0)
        {
            Terminate(new ArgumentException("There is no text: nothing came in."), "NoText", ErrorCategory.InvalidArgument, null);
        }

        if (!ShouldProcess(_destination, Action)) return;
        try
        {
            Make(_destination);
            Bar.Complete();
            WriteItem(_destination);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (InvalidDataException invalid)
        {
            Terminate(invalid, "TextInvalid", ErrorCategory.InvalidData, Texts);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "WriteFailed", ErrorCategory.WriteError, _destination);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source) => Texts.Add(text);

    /// <summary>Makes the file.</summary>
    private protected abstract void Make(string destination);
}
