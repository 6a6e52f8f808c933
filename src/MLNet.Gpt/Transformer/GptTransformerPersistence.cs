using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.IO;
using MLNet.Gpt.Transformer;

[assembly: LoadableClass(
    typeof(GptTransformer), typeof(GptTransformerPersistence), null, typeof(SignatureLoadModel),
    "GPT language model", GptTransformerPersistence.LoaderSignature)]

namespace MLNet.Gpt.Transformer;

/// <summary>
/// Saves a <see cref="GptTransformer"/> to ML.NET's files and loads it: its options as JSON, and its model as a
/// checkpoint of this library. ML.NET keeps an entry in a temporary file while it is written or read; weights are
/// streamed to and from there, so that models need not fit in managed memory.
/// </summary>
/// <remarks>
/// Since version 2, the options are followed by a checksum of everything and, if another transformer has the model, by
/// the folder of that transformer: a model that several transformers share is in the file once. A package contains the
/// same key, which leads to the package's own entries, so <c>ml.Model.Load</c> can read a package.
/// </remarks>
internal static class GptTransformerPersistence
{
    public const string LoaderSignature = "GptTransformer";

    /// <summary>The entry that ML.NET reads first in a pipeline of one transformer.</summary>
    public const string KeyEntry = $"{ChainFolder}/Model.key";

    private const string ChainFolder = "TransformerChain";
    public const string Source = "saved pipeline";
    private const uint Version = 0x00010002, FirstVersion = 0x00010001, HashedVersion = 0x00010002;

    /// <summary>Loads a transformer. ML.NET finds this method by its name.</summary>
    public static GptTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => Load(
        env, ctx, VersionInfo(),
        options => SavedOptions.Parse(Source, options).Model,
        (options, owner) => new GptTransformer(env, owner.Model, SavedOptions.Parse(Source, options).Transformer, owner));

    /// <summary>Loads a transformer of any kind that has a model and options as JSON.</summary>
    /// <param name="env">The context.</param>
    /// <param name="ctx">The transformer's folder.</param>
    /// <param name="version">The kind of transformer.</param>
    /// <param name="modelOf">Returns the model's options from the JSON.</param>
    /// <param name="create">Creates the transformer from the JSON, over a model that it owns.</param>
    public static T Load<T>(
        IHostEnvironment env, ModelLoadContext ctx, VersionInfo version,
        Func<string, SavedOptions.ModelFields> modelOf, Func<string, ModelOwner, T> create)
    {
        ctx.CheckAtModel(version);
        string options = ctx.Reader.ReadString();
        string? sha256 = null, sharedFolder = null;
        if (ctx.Header.ModelVerWritten >= HashedVersion) (sha256, sharedFolder) = (ctx.Reader.ReadString(), ctx.Reader.ReadString());
        var modelOptions = modelOf(options).ToOptions();
        if (!string.IsNullOrEmpty(sharedFolder))
        {
            var shared = SharedModels.Find(ctx.Repository, sharedFolder);
            Compare(sha256, Checksum(options, sharedFolder, shared.Sha256!));
            return create(options, shared.Owner);
        }

        GptModel? model = null;
        bool isPipeline = ctx.TryLoadBinaryStream(PipelineFormat.WeightsEntry, reader =>
        {
            using var file = Open(PipelineFormat.WeightsEntry, reader.BaseStream, env);
            if (sha256 is not null) Compare(sha256, file.Sha256(Encoding.UTF8.GetBytes(options)));
            using var checkpoint = GptCheckpoint.Open(file);
            var tokenizer = checkpoint.Tokenizer ?? throw new InvalidDataException($"'{file.Path}' has no tokenizer.");
            model = GptModel.FromWeights(checkpoint, tokenizer, modelOptions, cancellationToken: Cancellation.OfThread);
        });
        if (!isPipeline) model = LoadPackage(ctx, env, options, sha256, modelOptions);
        var owner = new ModelOwner(model!);
        T transformer;
        try
        {
            transformer = create(options, owner);
        }
        catch
        {
            model!.Dispose();
            throw;
        }

        SharedModels.Add(ctx.Repository, new(owner, FolderOf(ctx.Directory), sha256));
        return transformer;
    }

    public static void Save(GptTransformer transformer, ModelSaveContext ctx) =>
        Save(ctx, VersionInfo(), SavedOptions.Of(transformer).ToJson(), transformer.Model);

    /// <summary>Saves a transformer of any kind that has a model and options as JSON.</summary>
    public static void Save(ModelSaveContext ctx, VersionInfo version, string options, GptModel model)
    {
        // Checks that can fail, such as for a tokenizer that cannot be saved, come before anything is written.
        _ = TokenizerJson.Write(model.Tokenizer);
        if (SharedModels.Find(ctx.Repository, model) is { } shared)
        {
            WriteKey(ctx, version, options, () => Checksum(options, shared.Folder, shared.Sha256!), shared.Folder);
            return;
        }

        string sha256 = "";
        WriteKey(ctx, version, options, () =>
        {
            ctx.SaveBinaryStream(PipelineFormat.WeightsEntry, writer =>
            {
                using var hashing = new HashingStream(writer.BaseStream);
                hashing.Append(Encoding.UTF8.GetBytes(options));
                CheckpointFormat.Write(hashing, model, model.Tokenizer);
                sha256 = hashing.Sha256();
            });
            return sha256;
        });
        SharedModels.Add(ctx.Repository, new(new(model), FolderOf(ctx.Directory), sha256));
    }

    /// <summary>Creates the entry that ML.NET reads first in a package.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <param name="config">The package's configuration.</param>
    /// <param name="tokenizer">The package's tokenizer.</param>
    /// <param name="weightsSha256">The checksum of the package's weights.</param>
    public static byte[] KeyOfPackage(GptTransformer transformer, string config, string tokenizer, string weightsSha256)
    {
        string options = SavedOptions.Of(transformer).ToJson();
        using var pipeline = new MemoryStream();
        using (var repository = RepositoryWriter.CreateNew(pipeline, useFileSystem: false))
        {
            ModelSaveContext.SaveModel(
                repository, new PackageKey(options, Checksum(options, config, tokenizer, weightsSha256)), ChainFolder);
            repository.Commit();
        }

        using var archive = new ZipArchive(pipeline, ZipArchiveMode.Read);
        using var entry = archive.Entries.Single(each => each.FullName.Replace('\\', '/') == KeyEntry).Open();
        using var key = new MemoryStream();
        entry.CopyTo(key);
        return key.ToArray();
    }

    private static void WriteKey(
        ModelSaveContext ctx, VersionInfo version, string options, Func<string> checksum, string sharedFolder = "")
    {
        ctx.CheckAtModel();
        ctx.SetVersionInfo(version);
        ctx.Writer.Write(options);
        ctx.Writer.Write(checksum());
        ctx.Writer.Write(sharedFolder);
    }

    private static GptModel LoadPackage(
        ModelLoadContext ctx, IHostEnvironment environment, string options, string? sha256, GptModelOptions modelOptions)
    {
        string config = Text(PackageFormat.ConfigEntry, PackageFormat.SmallEntry);
        string tokenizer = Text(PackageFormat.TokenizerEntry, PackageFormat.TokenizerLimit);
        using var entry = Entry(PackageFormat.WeightsEntry);
        using var file = Open(PackageFormat.WeightsEntry, entry.Stream, environment);
        Compare(sha256, Checksum(options, config, tokenizer, file.Sha256()));
        var opened = PackageFormat.Open(Source, config, tokenizer, name => $"{Source}/{name}", file);
        return GptModel.FromWeights(opened.Weights, opened.ReadTokenizer()!, modelOptions, cancellationToken: Cancellation.OfThread);

        Repository.Entry Entry(string name) => ctx.Repository.OpenEntryOrNull(name)
            ?? throw new InvalidDataException($"The saved pipeline lacks the GPT model's weights ('{PipelineFormat.WeightsEntry}').");

        string Text(string name, int limit)
        {
            using var text = Entry(name);
            if (text.Stream.Length > limit)
            {
                throw new InvalidDataException($"'{Source}/{name}' has {text.Stream.Length} bytes; at most {limit} are allowed.");
            }

            using var reader = new StreamReader(text.Stream, leaveOpen: true);
            return reader.ReadToEnd();
        }
    }

    private static PositionedFile Open(string name, Stream stream, IHostEnvironment environment) =>
        stream is FileStream { Position: 0 } unpacked
        ? PositionedFile.Of($"{Source}/{name}", unpacked)
        : PositionedFile.Temporary($"{Source}/{name}", environment.TemporaryFolder(), stream.CopyTo);

    // The same on every system.
    private static string FolderOf(string? directory) => (directory ?? "").Replace('\\', '/');

    private static string Checksum(params string[] parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))));

    private static void Compare(string? expected, string actual)
    {
        if (actual == expected) return;
        throw new InvalidDataException(
            $"The {Source} is damaged: its GPT model and options have the checksum {actual}; the file says {expected}.");
    }

    private static VersionInfo VersionInfo() => VersionInfo("GPT TRAN", LoaderSignature, FirstVersion);

    /// <summary>Returns what identifies a kind of transformer in a file.</summary>
    public static VersionInfo VersionInfo(string signature, string loaderSignature, uint firstVersion = HashedVersion) => new(
        modelSignature: signature,
        verWrittenCur: Version,
        verReadableCur: firstVersion,
        verWeCanReadBack: firstVersion,
        loaderSignature: loaderSignature,
        loaderAssemblyName: typeof(GptTransformerPersistence).Assembly.FullName);

    private sealed class PackageKey(string options, string sha256) : ICanSaveModel
    {
        public void Save(ModelSaveContext ctx) => WriteKey(ctx, VersionInfo(), options, () => sha256);
    }
}
