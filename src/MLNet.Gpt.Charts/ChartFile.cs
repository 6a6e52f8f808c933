using System.Text;
using MLNet.Gpt.IO;
using ScottPlot;

namespace MLNet.Gpt.Charts;

/// <summary>Writes a plot as the picture that its file's name asks for.</summary>
internal static class ChartFile
{
    /// <summary>
    /// Writes a picture, PNG or SVG by the name's ending, aside and then into place; makes the folder where it is
    /// missing.
    /// </summary>
    /// <exception cref="ArgumentException">The name ends in neither <c>.png</c> nor <c>.svg</c>.</exception>
    public static void Save(Plot plot, string path, ChartSize size)
    {
        bool isSvg = path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase);
        if (!isSvg && !path.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"'{path}' names no picture that can be drawn: it must end in .png or .svg.", nameof(path));
        }

        byte[] picture = isSvg ? Encoding.UTF8.GetBytes(plot.GetSvgXml(size.Width, size.Height)) : plot.GetImageBytes(size.Width, size.Height, ImageFormat.Png);
        AtomicFile.Write(path, picture.Length, stream => stream.Write(picture));
    }
}
