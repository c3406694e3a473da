using System.Globalization;
using System.Text;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Scaling;

/// <summary>Draws a series as SVG: throughput above, latency below, both axes logarithmic.</summary>
internal static class SvgPlot
{
    private const int Width = 640;
    private const int PanelHeight = 200;
    private const int Left = 70;
    private const int Right = 20;
    private const int Top = 34;
    private const int Gap = 46;
    private const int Height = Top + PanelHeight + Gap + PanelHeight + 50;

    /// <summary>Draws.</summary>
    /// <param name="series">The series.</param>
    public static string Draw(ScalingSeries series)
    {
        var svg = new StringBuilder(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
            + $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>\n");
        Text(svg, Width / 2, 18, "middle", series.Title, "14");
        double[] x = [.. series.Points.Select(point => point.X)];
        Panel(svg, Top, "MB/s", x, [("MB/s", "#1f77b4", [.. series.Points.Select(point => point.MegabytesPerSecond)])]);
        Panel(svg, Top + PanelHeight + Gap, "ms", x,
        [
            ("p50", "#2ca02c", [.. series.Points.Select(point => point.P50Ms)]),
            ("p99", "#d62728", [.. series.Points.Select(point => point.P99Ms)]),
        ]);
        Text(svg, Left + (Width - Left - Right) / 2, Height - 10, "middle", series.XTitle);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Panel(StringBuilder svg, int top, string unit, double[] x, (string Name, string Colour, double[] Y)[] lines)
    {
        var horizontal = new LogAxis(x.Min(), x.Max(), Left, Width - Right);
        double[] all = [.. lines.SelectMany(line => line.Y).Where(y => y > 0)];
        var vertical = new LogAxis(Decade(all.Min(), up: false), Decade(all.Max(), up: true), top + PanelHeight, top);
        svg.Append(CultureInfo.InvariantCulture,
            $"<rect x=\"{Left}\" y=\"{top}\" width=\"{Width - Left - Right}\" height=\"{PanelHeight}\" fill=\"none\" stroke=\"#888\"/>\n");
        for (var tick = vertical.Min; tick <= vertical.Max * 1.001; tick *= 10)
        {
            var y = vertical.At(tick);
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y:0.0}\" y2=\"{y:0.0}\" stroke=\"#ddd\"/>\n");
            Text(svg, Left - 6, y + 4, "end", $"{Short(tick)} {unit}");
        }

        foreach (var tick in x)
            Text(svg, horizontal.At(tick), top + PanelHeight + 16, "middle", Short(tick));
        for (var i = 0; i < lines.Length; i++)
        {
            var (name, colour, values) = lines[i];
            var points = string.Join(' ', x.Zip(values, (px, py) => string.Create(
                CultureInfo.InvariantCulture, $"{horizontal.At(px):0.0},{vertical.At(py):0.0}")));
            svg.Append($"<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
            foreach (var point in points.Split(' '))
                svg.Append($"<circle cx=\"{point.Split(',')[0]}\" cy=\"{point.Split(',')[1]}\" r=\"3\" fill=\"{colour}\"/>\n");
            if (lines.Length > 1)
                svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left + 8}\" y=\"{top + 16 + (14 * i)}\" fill=\"{colour}\">{name}</text>\n");
        }
    }

    private static double Decade(double value, bool up) =>
        Math.Pow(10, up ? Math.Ceiling(Math.Log10(value)) : Math.Floor(Math.Log10(value)));

    private static string Short(double value) => value switch
    {
        >= 1 << 20 when value % (1 << 20) == 0 => $"{value / (1 << 20):0} Mi",
        >= 1024 when value % 1024 == 0 => $"{value / 1024:0} Ki",
        >= 1000 => Figure.Show(value),
        _ => value.ToString("0.###", CultureInfo.InvariantCulture),
    };

    private static void Text(StringBuilder svg, double x, double y, string anchor, string text, string size = "12") =>
        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{x:0.0}\" y=\"{y:0.0}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{System.Security.SecurityElement.Escape(text)}</text>\n");

    /// <summary>A logarithmic axis.</summary>
    private readonly record struct LogAxis(double Min, double Max, double Start, double End)
    {
        public double At(double value) => Max <= Min
            ? (Start + End) / 2
            : Start + ((End - Start) * (Math.Log10(Math.Clamp(value, Min, Max)) - Math.Log10(Min)) / (Math.Log10(Max) - Math.Log10(Min)));
    }
}
