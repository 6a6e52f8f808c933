using System.Text;
using MLNet.Gpt.IO;
using ScottPlot;

namespace MLNet.Gpt.Charts;

/// <summary>Writes plots to image files.</summary>
internal static class ChartFile
{
    /// <summary>
    /// Writes an image, PNG or SVG depending on the extension, to a temporary file and moves it into place. Creates the
    /// folder if it is missing.
    /// </summary>
    /// <exception cref="ArgumentException">The name ends in neither <c>.png</c> nor <c>.svg</c>.</exception>
    public static void Save(Plot plot, string path, ChartSize size)
    {
        bool isSvg = path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase);
        if (!isSvg && !path.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException(
                $"'{path}' is not the name of a supported image; it must end in .png or .svg.", nameof(path));
        }

        byte[] picture = isSvg
            ? Encoding.UTF8.GetBytes(plot.GetSvgXml(size.Width, size.Height))
            : plot.GetImageBytes(size.Width, size.Height, ImageFormat.Png);
        AtomicFile.Write(path, picture.Length, stream => stream.Write(picture));
    }
}
