using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Checkpoints.Exporting;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Checkpoints.Onnx;

/// <summary>Writes an ONNX model: opset 17 (IR version 8). Large weights stand in a second file beside it.</summary>
/// <remarks>
/// Source: <c>onnx.proto</c> of the ONNX specification, whose field numbers stand here. The second file has a name that is not in use yet, so that the old model keeps
/// its weights until the new one is in place; then those are removed.
/// </remarks>
internal static class OnnxExporter
{
    private const int Opset = 17, IrVersion = 8;
    private const int ModelIrVersion = 1, ModelProducer = 2, ModelGraph = 7, ModelOpset = 8, ModelMetadata = 14, OpsetVersion = 2;
    private const int GraphName = 2, GraphInitializer = 5, PairKey = 1, PairValue = 2;
    private const int TensorRawData = 9, TensorExternalData = 13, TensorLocation = 14, ExternalLocation = 1;
    private const int DataAlignment = 4096; // of a tensor in the second file, so that it can be mapped

    public static void Write(ExportJob job)
    {
        var graph = Gpt2GraphWriter.Write(job.Weights, job.DataType, job.Options.IncludeKeyValueCache);
        job.Meter.TotalBytes = graph.Weights.Sum(tensor => job.DataType.Size(tensor.ElementCount));
        graph.Message.Text(GraphName, "gpt2");
        var head = ModelHead(job);
        bool replaces = File.Exists(job.Path);
        string? data = null;
        if (job.Meter.TotalBytes <= job.Options.InlineWeightLimit) WriteWhole(job, head, graph);
        else data = WriteSplit(job, head, graph);
        if (replaces) RemoveOldData(job.Path, except: data);
    }

    // A message's length stands before it, so all lengths are known before the first weight is read.
    private static void WriteWhole(ExportJob job, ProtobufWriter model, OnnxGraphWriter graph)
    {
        ProtobufWriter[] heads = [.. graph.Weights.Select(tensor =>
        {
            long size = job.DataType.Size(tensor.ElementCount);
            var head = Head(tensor, job.DataType).Prefix(TensorRawData, size);
            var field = new ProtobufWriter().Prefix(GraphInitializer, head.Length + size);
            field.Append(head);
            return field;
        })];
        model.Prefix(ModelGraph, graph.Message.Length + heads.Sum(head => (long)head.Length) + job.Meter.TotalBytes);
        AtomicFile.Write(job.Path, length: 0, stream =>
        {
            model.WriteTo(stream);
            graph.Message.WriteTo(stream);
            var elements = new ElementWriter(job.Meter);
            for (int i = 0; i < heads.Length; i++)
            {
                heads[i].WriteTo(stream);
                elements.Write(stream, graph.Weights[i], job.DataType);
            }
        });
    }

    // Returns the second file.
    private static string WriteSplit(ExportJob job, ProtobufWriter model, OnnxGraphWriter graph)
    {
        string data = FreeDataFile(job.Path);
        long[] offsets = new long[graph.Weights.Count];
        AtomicFile.Write(data, length: 0, stream =>
        {
            var elements = new ElementWriter(job.Meter);
            for (int i = 0; i < offsets.Length; i++)
            {
                stream.Write(new byte[(int)(-stream.Position & (DataAlignment - 1))]);
                offsets[i] = stream.Position;
                elements.Write(stream, graph.Weights[i], job.DataType);
            }
        });

        try
        {
            for (int i = 0; i < offsets.Length; i++)
            {
                var head = Head(graph.Weights[i], job.DataType).Integer(TensorLocation, ExternalLocation)
                    .Message(TensorExternalData, Pair("location", Path.GetFileName(data)))
                    .Message(TensorExternalData, Pair("offset", Text(offsets[i])))
                    .Message(TensorExternalData, Pair("length", Text(job.DataType.Size(graph.Weights[i].ElementCount))));
                graph.Message.Message(GraphInitializer, head);
            }

            model.Message(ModelGraph, graph.Message);
            AtomicFile.Write(job.Path, model.Length, model.WriteTo);
            return data;
        }
        catch
        {
            File.Delete(data);
            throw;
        }
    }

    private static ProtobufWriter ModelHead(ExportJob job)
    {
        var model = new ProtobufWriter().Integer(ModelIrVersion, IrVersion).Text(ModelProducer, "MLNet.Gpt")
            .Message(ModelOpset, new ProtobufWriter().Integer(OpsetVersion, Opset))
            .Message(ModelMetadata, Pair("mlnet_gpt.config", GptConfigJson.Write(job.Config)));
        if (job.Tokenizer is not null) model.Message(ModelMetadata, Pair("mlnet_gpt.tokenizer", TokenizerJson.Write(job.Tokenizer)));
        return model;
    }

    private static ProtobufWriter Head(ExportTensor tensor, ExportDataType type) => OnnxGraphWriter.TensorHead(
        tensor.Name, type == ExportDataType.Float32 ? OnnxElementType.Float32 : OnnxElementType.Float16, tensor.Shape);

    private static ProtobufWriter Pair(string key, string value) => new ProtobufWriter().Text(PairKey, key).Text(PairValue, value);

    // NAME.onnx.data, or where that exists NAME.onnx.2.data and so on.
    private static string FreeDataFile(string path)
    {
        string target = AtomicFile.Target(path), data = target + ".data";
        for (int number = 2; File.Exists(data); number++) data = string.Create(CultureInfo.InvariantCulture, $"{target}.{number}.data");
        return data;
    }

    // Files of the model that was replaced.
    private static void RemoveOldData(string path, string? except)
    {
        string target = AtomicFile.Target(path);
        var name = new Regex($@"^{Regex.Escape(Path.GetFileName(target))}(\.\d+)?\.data$", RegexOptions.CultureInvariant);
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(target)!, Path.GetFileName(target) + ".*"))
        {
            if (name.IsMatch(Path.GetFileName(file)) && file != except) File.Delete(file);
        }
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
